"""What a customer's completed orders and deeds come to between two instants; kept while the customer is folded."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import NamedTuple

from membership.programme.programme import ShopRules
from membership.state import Deed, MemberState, Order, Standing, Unmatched


class Reached(NamedTuple):
    """What may lead to a tier (C-4): `spend` in thousandths, `orders` and `points` of a window, `growth` at its end."""

    spend: int = 0
    orders: int = 0
    growth: int = 0
    points: int = 0


_Sums = tuple[int, int, int, int]


class History:
    """Sums by time over completed orders, deeds and unmatched refunds; refunds of orders are taken off at the order.

    What comes is appended (a fold goes forward in time); a change of an order costs what lies after it. `marks` are
    standings as they were before an entry was judged, from which a judgement can be taken up again.
    """

    def __init__(self, state: MemberState | None = None) -> None:
        self._at: list[datetime] = []
        self._what: list[Order | Deed | Unmatched] = []
        self._spend, self._count, self._growth, self._points = [0], [0], [0], [0]
        self._place: dict[int, int] = {}
        self._marked: list[int] = []
        self._marks: list[Standing] = []
        if state is not None:
            found: list[tuple[datetime, Order | Deed | Unmatched]] = [
                (order.completed_at, order) for order in state.orders.values() if order.completed_at is not None
            ]
            found += [(deed.at, deed) for deed in state.deeds.values()]
            found += [(refund.at, refund) for refund in state.unmatched.values()]
            for at, what in sorted(found, key=lambda pair: pair[0]):
                self.append(at, what)

    @classmethod
    def of(cls, state: MemberState) -> History:
        """The history that is kept beside the state; made from it where there is none yet."""
        kept: History | None = getattr(state, "_history", None)
        if kept is None:
            kept = cls(state)
            object.__setattr__(state, "_history", kept)
        return kept

    def append(self, at: datetime, what: Order | Deed | Unmatched) -> None:
        """Something completed, done or refunded at `at`, later than all before it or at one instant with the last."""
        self._place[id(what)] = len(self._at)
        self._at.append(at)
        self._what.append(what)
        for sums, amount in zip((self._spend, self._count, self._growth, self._points), _worth(what), strict=True):
            sums.append(sums[-1] + amount)

    def change(self, order: Order) -> None:
        """An order's amounts have changed: it, and what was judged since, is to be looked at anew."""
        place = self._place.get(id(order))
        if place is None:
            return
        for sums, amount in zip((self._spend, self._count, self._growth, self._points), _worth(order), strict=True):
            change = amount - (sums[place + 1] - sums[place])
            if change:
                sums[place + 1 :] = [total + change for total in sums[place + 1 :]]

    def before(self, start: datetime, end: datetime) -> Reached:
        """What was completed in [start, end), and the growth value before `end`."""
        return self._between(bisect_left(self._at, start), bisect_left(self._at, end))

    def through(self, start: datetime, end: datetime) -> Reached:
        """What was completed in [start, end], and the growth value at `end`."""
        return self._between(bisect_left(self._at, start), bisect_right(self._at, end))

    def completed_at(self, at: datetime) -> list[Order]:
        """The orders completed at that instant."""
        first, last = bisect_left(self._at, at), bisect_right(self._at, at)
        return [what for what in self._what[first:last] if isinstance(what, Order)]

    @property
    def ever(self) -> int:
        """Everything, in thousandths: the member's contribution value (MEM-026)."""
        return self._spend[-1]

    def mark(self, at: datetime, standing: Standing) -> None:
        """Remember the standing as it was before what happened at `at` was judged."""
        place = bisect_left(self._at, at)
        if not self._marked or self._marked[-1] < place:
            self._marked.append(place)
            self._marks.append(standing)

    def restart(self, order: Order) -> tuple[datetime, Standing] | None:
        """The last remembered standing not after the order completed, and its instant; later ones are forgotten."""
        place = bisect_left(self._at, self._at[self._place[id(order)]])
        known = bisect_right(self._marked, place)
        marked = (self._at[self._marked[known - 1]], self._marks[known - 1]) if known else None
        del self._marked[max(0, known - 1) :], self._marks[max(0, known - 1) :]
        return marked

    def judged_from(self, after: datetime, shop: ShopRules, *, including: bool) -> datetime | None:
        """The next instant that is judged: of an order, or of a deed where growth leads to tiers."""
        find = bisect_left if including else bisect_right
        for place in range(find(self._at, after), len(self._at)):
            at, what = self._at[place], self._what[place]
            if isinstance(what, Order) or (isinstance(what, Deed) and shop.at(at).by_growth):
                return at
        return None

    def _between(self, first: int, last: int) -> Reached:
        growth = self._growth[last]
        last = max(first, last)
        spend, orders, points = (sums[last] - sums[first] for sums in (self._spend, self._count, self._points))
        return Reached(spend, orders, growth, points)


def _worth(what: Order | Deed | Unmatched) -> _Sums:
    """Spend, orders, growth and points of one entry."""
    if isinstance(what, Order):
        if what.counts:
            return what.spend, 1, what.growth, what.held
        return 0, 0, what.growth, 0
    if isinstance(what, Deed):
        return 0, 0, what.growth, 0
    return -what.spend, 0, 0, 0
