"""Sums by day of what leads to a tier, as far back as any rule looks: small, however long the member's history is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from membership.member import Member, PartState
from membership.programme.versions import ShopRules
from membership.qualification.history import EVER, Entry, Purchase, Reached

_WIDTH = 4


@dataclass(slots=True)
class Recent(PartState):
    """`days`: the ordinal of a calendar day of the shop, spend, orders and points completed that day; and so on.

    One flat list, oldest day first, because it is read and written for every order, and may be of a thousand days.
    Spend in thousandths. `ever`, `ever_orders` and `ever_points` are those of all time, `growth` the growth value.
    `purchases` are the orders completed at `at`, the last instant at which one did; `grants` are the tiers granted at
    `granted`, likewise.
    """

    NAME: ClassVar[str] = "recent"
    days: list[int] = field(default_factory=list)
    ever: int = 0
    ever_orders: int = 0
    ever_points: int = 0
    growth: int = 0
    at: datetime | None = None
    purchases: list[Purchase] = field(default_factory=list)
    granted: datetime | None = None
    grants: list[str] = field(default_factory=list)

    def enter(self, entry: Entry, shop: ShopRules) -> None:
        """Add the amounts to those of the entry's day, and forget the days that no rule looks at any more."""
        self.ever += entry.spend
        self.ever_orders += entry.orders
        self.ever_points += entry.points
        self.growth += entry.growth
        if entry.purchase is not None and (self.at is None or entry.at >= self.at):
            others = self.purchases if entry.at == self.at else []
            self.at = entry.at
            self.purchases = [*(one for one in others if one.order_id != entry.purchase.order_id), entry.purchase]
        if entry.grant is not None:
            self.grants = [*(self.grants if entry.at == self.granted else []), entry.grant]
            self.granted = entry.at
        if entry.spend or entry.orders or entry.points:
            self._add(shop.day_of(entry.at).toordinal(), entry.spend, entry.orders, entry.points)
            last = date.fromordinal(self.days[-_WIDTH])
            del self.days[: self._place(shop.first_day_looked_at(last).toordinal())]

    def since(self, day: date) -> tuple[int, int, int]:
        """Spend, orders and points of that day and all later ones."""
        first = self._place(day.toordinal())
        spend, orders, points = (sum(self.days[first + column :: _WIDTH]) for column in (1, 2, 3))
        return spend, orders, points

    def _add(self, day: int, spend: int, orders: int, points: int) -> None:
        place = self._place(day)
        if self.days[place : place + 1] == [day]:
            for column, amount in enumerate((spend, orders, points), 1):
                self.days[place + column] += amount
        else:
            self.days[place:place] = (day, spend, orders, points)

    def _place(self, day: int) -> int:
        """Where the day stands, or would."""
        if not self.days or self.days[-_WIDTH] < day:
            return len(self.days)  # where most is added
        return _WIDTH * bisect_left(self.days[::_WIDTH], day)


@dataclass(frozen=True, slots=True)
class UpToNow:
    """What a fold that goes forward in time has come to: every sum ends with what was entered last."""

    member: Member
    shop: ShopRules

    def through(self, start: datetime, end: datetime) -> Reached:
        """What was completed since `start`, the first instant of a day, or EVER; `end` is now."""
        recent = Recent.of(self.member)
        if start == EVER:
            return Reached(recent.ever, recent.ever_orders, recent.growth, recent.ever_points)
        spend, orders, points = recent.since(self.shop.date_of(start))
        return Reached(spend, orders, recent.growth, points)

    before = through

    def completed_at(self, at: datetime) -> Sequence[Purchase]:
        """The orders completed at that instant, which is now."""
        recent = Recent.of(self.member)
        return recent.purchases if recent.at == at else ()

    def granted_at(self, at: datetime) -> Sequence[str]:
        """The tiers granted at that instant, which is now."""
        recent = Recent.of(self.member)
        return recent.grants if recent.granted == at else ()
