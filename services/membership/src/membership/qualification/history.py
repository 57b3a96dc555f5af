"""Sums by time of what leads to a tier: spend, completed orders, growth and points (C-4).

Money is summed by the currency in which it was paid, and so are the growth and points that orders earn by it: a tier is
evaluated by what is of the shop's currency then, and nothing is converted (decision 0070). Orders count in any.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from common.fold.items import NotLoaded
from membership.member import Member
from membership.programme.versions import ShopRules


class Reached(NamedTuple):
    """What may lead to a tier (C-4): `spend` in thousandths, `orders` and `points` of a window, `growth` at its end."""

    spend: int = 0
    orders: int = 0
    growth: int = 0
    points: int = 0


class Purchase(NamedTuple):
    """A completed order as a fast track sees it; `spend` is what remains paid, in thousandths (MEM-019).

    0 where it was paid in another currency than the shop's then.
    """

    order_id: str
    paid_at: datetime | None
    spend: int
    counts: bool


class Entry(NamedTuple):
    """What changes at an instant: amounts are added to those that were entered for it before.

    `currency`: in which the order was paid that brings spend, growth and points; empty for what no order brings.
    `purchase`: an order completes then, or is another than it was. `activity`: something else earns growth.
    `grant`: the id of a tier that staff grant then (MEM-020).
    """

    at: datetime
    spend: int = 0
    orders: int = 0
    growth: int = 0
    points: int = 0
    purchase: Purchase | None = None
    activity: bool = False
    grant: str | None = None
    currency: str = ""


EVER = datetime.min.replace(tzinfo=UTC)
"""The start of a window that has none: everything since the beginning."""
_NOTHING, _ACTIVITY, _PURCHASE = 0, 1, 2


class Sums(Protocol):
    """What a tier is evaluated by; spend, and what was earned by it, are those of one currency."""

    def through(self, start: datetime, end: datetime, currency: str) -> Reached: ...
    def before(self, start: datetime, end: datetime, currency: str) -> Reached: ...
    def completed_at(self, at: datetime) -> Iterable[Purchase]: ...
    def granted_at(self, at: datetime) -> Iterable[str]: ...


class _Money:
    """Running sums of what was paid in one currency and earned by it; of currency "", what nothing was paid for."""

    __slots__ = ("growth", "points", "spend")

    def __init__(self, instants: int) -> None:
        self.spend, self.growth, self.points = ([0] * (instants + 1) for _ in range(3))

    def insert(self, place: int) -> None:
        for sums in (self.spend, self.growth, self.points):
            sums.insert(place + 1, sums[place])


class History:
    """Sums over the entries of all parts since the beginning; kept while a member is folded from the start.

    A fold goes forward in time, so entries mostly come at the end, where adding costs the same however many there are;
    a change of what came before costs what lies after it.
    """

    def __init__(self) -> None:
        self._at: list[datetime] = []
        self._kinds: list[int] = []
        self._purchases: dict[datetime, tuple[Purchase, ...]] = {}
        self._grants: dict[datetime, tuple[str, ...]] = {}
        self._orders = [0]
        self._money: dict[str, _Money] = {}

    def add(self, entry: Entry) -> None:
        at, spend, orders, growth, points, purchase, activity, grant, currency = entry
        place = self._place(at)
        if grant is not None:
            self._grants[at] = (*self._grants.get(at, ()), grant)
            self._kinds[place] = _PURCHASE
        if purchase is not None:
            others = (known for known in self._purchases.get(at, ()) if known.order_id != purchase.order_id)
            self._purchases[at] = (*others, purchase)
            self._kinds[place] = _PURCHASE
        elif activity:
            self._kinds[place] = max(self._kinds[place], _ACTIVITY)
        if orders:
            self._add(self._orders, place, orders)
        if spend or growth or points:
            money = self._money.get(currency)
            if money is None:
                money = self._money[currency] = _Money(len(self._at))
            for sums, amount in ((money.spend, spend), (money.growth, growth), (money.points, points)):
                if amount:
                    self._add(sums, place, amount)

    def before(self, start: datetime, end: datetime, currency: str) -> Reached:
        """What was completed in [start, end), and the growth value before `end`."""
        return self._between(bisect_left(self._at, start), bisect_left(self._at, end), currency)

    def through(self, start: datetime, end: datetime, currency: str) -> Reached:
        """What was completed in [start, end], and the growth value at `end`."""
        return self._between(bisect_left(self._at, start), bisect_right(self._at, end), currency)

    def completed_at(self, at: datetime) -> Iterable[Purchase]:
        """The orders completed at that instant."""
        return self._purchases.get(at, ())

    def granted_at(self, at: datetime) -> Iterable[str]:
        """The tiers granted at that instant, by their ids."""
        return self._grants.get(at, ())

    def next_evaluated(self, after: datetime, shop: ShopRules, *, including: bool) -> datetime | None:
        """The next instant at which a tier is evaluated: of an order, a grant, growth where that leads to tiers."""
        find = bisect_left if including else bisect_right
        for place in range(find(self._at, after), len(self._at)):
            at, kind = self._at[place], self._kinds[place]
            if kind == _PURCHASE or (kind == _ACTIVITY and shop.at(at).by_growth):
                return at
        return None

    def _place(self, at: datetime) -> int:
        """Where the instant stands; it is put there where it does not stand yet."""
        known = self._at
        if known and at <= known[-1]:
            place = bisect_left(known, at)
            if known[place] == at:
                return place
        else:
            place = len(known)
        known.insert(place, at)
        self._kinds.insert(place, _NOTHING)
        self._orders.insert(place + 1, self._orders[place])
        for money in self._money.values():
            money.insert(place)
        return place

    @staticmethod
    def _add(sums: list[int], place: int, amount: int) -> None:
        if place + 2 == len(sums):
            sums[-1] += amount
        else:
            sums[place + 1 :] = [total + amount for total in sums[place + 1 :]]

    def _between(self, first: int, last: int, currency: str) -> Reached:
        paid, free = self._money.get(currency), self._money.get("")
        growth = sum(money.growth[last] for money in (paid, free) if money is not None)
        last = max(first, last)
        orders = self._orders[last] - self._orders[first]
        if paid is None:
            return Reached(0, orders, growth, 0)
        return Reached(paid.spend[last] - paid.spend[first], orders, growth, paid.points[last] - paid.points[first])


def history_of(member: Member) -> History:
    """What leads to tiers, of a member who was folded from the start. Raises NotLoaded for another."""
    kept: History | None = getattr(member, "_history", None)
    if kept is None:
        if not member.items.whole:
            raise NotLoaded("the history of what leads to tiers")
        kept = History()
        object.__setattr__(member, "_history", kept)
    return kept
