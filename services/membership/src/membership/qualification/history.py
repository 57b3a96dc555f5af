"""Sums by time of what leads to a tier: spend, completed orders, growth and points (C-4)."""

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
    """A completed order as a fast track sees it; `spend` is what remains paid, in thousandths (MEM-019)."""

    order_id: str
    paid_at: datetime | None
    spend: int
    counts: bool


class Entry(NamedTuple):
    """What changes at an instant: amounts are added to those that were entered for it before.

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


EVER = datetime.min.replace(tzinfo=UTC)
"""The start of a window that has none: everything since the beginning."""
_NOTHING, _ACTIVITY, _PURCHASE = 0, 1, 2


class Sums(Protocol):
    """What a tier is evaluated by."""

    def through(self, start: datetime, end: datetime) -> Reached: ...
    def before(self, start: datetime, end: datetime) -> Reached: ...
    def completed_at(self, at: datetime) -> Iterable[Purchase]: ...
    def granted_at(self, at: datetime) -> Iterable[str]: ...


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
        self._spend, self._orders, self._growth, self._points = [0], [0], [0], [0]

    def add(self, entry: Entry) -> None:
        at, spend, orders, growth, points, purchase, activity, grant = entry
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
        if spend:
            self._add(self._spend, place, spend)
        if orders:
            self._add(self._orders, place, orders)
        if growth:
            self._add(self._growth, place, growth)
        if points:
            self._add(self._points, place, points)

    def before(self, start: datetime, end: datetime) -> Reached:
        """What was completed in [start, end), and the growth value before `end`."""
        return self._between(bisect_left(self._at, start), bisect_left(self._at, end))

    def through(self, start: datetime, end: datetime) -> Reached:
        """What was completed in [start, end], and the growth value at `end`."""
        return self._between(bisect_left(self._at, start), bisect_right(self._at, end))

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
        for sums in (self._spend, self._orders, self._growth, self._points):
            sums.insert(place + 1, sums[place])
        return place

    @staticmethod
    def _add(sums: list[int], place: int, amount: int) -> None:
        if place + 2 == len(sums):
            sums[-1] += amount
        else:
            sums[place + 1 :] = [total + amount for total in sums[place + 1 :]]

    def _between(self, first: int, last: int) -> Reached:
        growth = self._growth[last]
        last = max(first, last)
        spend, orders, points = (sums[last] - sums[first] for sums in (self._spend, self._orders, self._points))
        return Reached(spend, orders, growth, points)


def history_of(member: Member) -> History:
    """What leads to tiers, of a member who was folded from the start. Raises NotLoaded for another."""
    kept: History | None = getattr(member, "_history", None)
    if kept is None:
        if not member.items.whole:
            raise NotLoaded("the history of what leads to tiers")
        kept = History()
        object.__setattr__(member, "_history", kept)
    return kept
