"""Sums by day of what leads to a tier, as far back as any rule looks: small, however long the member's history is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from common.values.light import light_dataclass
from membership.member import Member, PartState
from membership.programme.versions import ShopRules
from membership.qualification.history import EVER, Entry, Purchase, Reached

_WIDTH = 4
_NOTHING = (0, 0, 0, 0)


@dataclass(slots=True)
class Recent(PartState):
    """By the currency of the orders (one, unless the shop has others): `days`, the ordinal of a calendar day of the
    shop, spend, orders and points completed that day; and so on. `ever`: spend, orders, points and growth of all time.

    One flat list, oldest day first, because it is read and written for every order, and may be of a thousand days.
    Spend in thousandths. Currency "" has the growth for which nothing was paid.
    `purchases` are the orders completed at `at`, the last instant at which one did; `grants` are the tiers granted at
    `granted`, likewise.
    """

    NAME: ClassVar[str] = "recent"
    days: dict[str, list[int]] = field(default_factory=dict)
    ever: dict[str, list[int]] = field(default_factory=dict)
    at: datetime | None = None
    purchases: list[Purchase] = field(default_factory=list)
    granted: datetime | None = None
    grants: list[str] = field(default_factory=list)

    def enter(self, entry: Entry, shop: ShopRules) -> None:
        """Add the amounts to those of the entry's day, and forget the days that no rule looks at any more."""
        spend, orders, points, growth = entry.spend, entry.orders, entry.points, entry.growth
        if spend or orders or points or growth:
            ever = self.ever.setdefault(entry.currency, [0, 0, 0, 0])
            ever[0] += spend
            ever[1] += orders
            ever[2] += points
            ever[3] += growth
        if entry.purchase is not None and (self.at is None or entry.at >= self.at):
            others = self.purchases if entry.at == self.at else []
            self.at = entry.at
            self.purchases = [*(one for one in others if one.order_id != entry.purchase.order_id), entry.purchase]
        if entry.grant is not None:
            self.grants = [*(self.grants if entry.at == self.granted else []), entry.grant]
            self.granted = entry.at
        if spend or orders or points:
            days = self.days.setdefault(entry.currency, [])
            _add(days, shop.day_of(entry.at).toordinal(), spend, orders, points)
            first = shop.first_day_looked_at(date.fromordinal(days[-_WIDTH])).toordinal()
            if days[0] < first:
                del days[: _place(days, first)]

    def since(self, day: date, currency: str) -> Reached:
        """Of that day and all later ones: spend and points of the currency, all orders; and the growth value."""
        first, orders, spend, points = day.toordinal(), 0, 0, 0
        for paid_in, days in self.days.items():
            place = _place(days, first)
            orders += sum(days[place + 2 :: _WIDTH])
            if paid_in == currency:
                spend, points = sum(days[place + 1 :: _WIDTH]), sum(days[place + 3 :: _WIDTH])
        return Reached(spend, orders, self.growth(currency), points)

    def of_all_time(self, currency: str) -> Reached:
        """Spend, points and growth of the currency, all orders."""
        spend, _, points, _ = self.ever.get(currency, _NOTHING)
        orders = sum(amounts[1] for amounts in self.ever.values())
        return Reached(spend, orders, self.growth(currency), points)

    def growth(self, currency: str) -> int:
        """The growth value that leads to tiers: earned by orders in the currency, and by what is no order."""
        return sum(self.ever.get(name, _NOTHING)[3] for name in {currency, ""})


def _add(days: list[int], day: int, spend: int, orders: int, points: int) -> None:
    place = _place(days, day)
    if place < len(days) and days[place] == day:
        days[place + 1] += spend
        days[place + 2] += orders
        days[place + 3] += points
    else:
        days[place:place] = (day, spend, orders, points)


def _place(days: list[int], day: int) -> int:
    """Where the day stands, or would."""
    if not days or days[-_WIDTH] < day:
        return len(days)
    if days[-_WIDTH] == day:
        return len(days) - _WIDTH  # where most is added
    return _WIDTH * bisect_left(days[::_WIDTH], day)


@light_dataclass(frozen=True, slots=True)
class UpToNow:
    """What a fold that goes forward in time has come to: every sum ends with what was entered last."""

    member: Member
    shop: ShopRules

    def through(self, start: datetime, end: datetime, currency: str) -> Reached:
        """What was completed since `start`, the first instant of a day, or EVER; `end` is now."""
        recent = Recent.of(self.member)
        return recent.of_all_time(currency) if start == EVER else recent.since(self.shop.date_of(start), currency)

    before = through

    def completed_at(self, at: datetime) -> Sequence[Purchase]:
        """The orders completed at that instant, which is now."""
        recent = Recent.of(self.member)
        return recent.purchases if recent.at == at else ()

    def granted_at(self, at: datetime) -> Sequence[str]:
        """The tiers granted at that instant, which is now."""
        recent = Recent.of(self.member)
        return recent.grants if recent.granted == at else ()
