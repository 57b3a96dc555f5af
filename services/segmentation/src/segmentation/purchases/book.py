"""Running sums over a customer's purchases, by day: an evaluation costs the days with orders, never the orders."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import date

from segmentation.purchases.entries import KnownOrder, Refund


class DaySums:
    """Amounts by day. The sum from a day on costs a search, where changes come mostly at the end."""

    def __init__(self) -> None:
        self._days: list[date] = []
        self._amounts: dict[date, int] = {}
        self._total = 0
        self._before = [0]  # sums of the first n days, as far as they hold

    def add(self, day: date, amount: int) -> None:
        if day not in self._amounts:
            insort(self._days, day)
            self._amounts[day] = 0
        self._amounts[day] += amount
        self._total += amount
        del self._before[bisect_left(self._days, day) + 1 :]

    def since(self, day: date) -> int:
        """The sum of the amounts of that day and of all later ones."""
        end = bisect_left(self._days, day)
        for place in range(len(self._before) - 1, end):
            self._before.append(self._before[-1] + self._amounts[self._days[place]])
        return self._total - self._before[end]


class Book:
    """The index of one customer's orders and refunds; made from them when asked for, then kept up."""

    def __init__(self, orders: Iterable[KnownOrder], refunds: Iterable[Refund]) -> None:
        self.places: dict[str, int] = {}
        self.refund_ids: set[str] = set()
        self.orders = 0  # that count: completed, and neither closed nor refunded whole
        self._number = DaySums()
        self._by_day: dict[date, int] = {}
        self._days: list[date] = []
        self._paid: dict[str, DaySums] = {}
        self._given_back: dict[str, DaySums] = {}
        for place, order in enumerate(orders):
            self.places[order.order_id] = place
            self.count(order, 1)
        for refund in refunds:
            self.take_refund(refund)

    def count(self, order: KnownOrder, sign: int) -> None:
        """Add (1) or take away (-1) what the order counts for as it stands: nothing unless it `counts`."""
        if not order.counts or order.day is None:
            return
        day = order.day
        self.orders += sign
        self._number.add(day, sign)
        self._paid.setdefault(order.currency, DaySums()).add(day, sign * order.standing.net)
        left = self._by_day.get(day, 0) + sign
        if left == 0:
            del self._by_day[day]
            del self._days[bisect_left(self._days, day)]
            return
        if day not in self._by_day:
            insort(self._days, day)
        self._by_day[day] = left

    def take_refund(self, refund: Refund) -> None:
        """One that no order was found for lessens what was spent, at its own time."""
        self.refund_ids.add(refund.refund_id)
        if refund.order_id is None:
            self._given_back.setdefault(refund.currency, DaySums()).add(refund.day, refund.amount)

    @property
    def days(self) -> list[date]:
        """The calendar dates with orders that count, in order."""
        return self._days

    def frequency(self, since: date) -> int:
        """Orders that count, of that day and later."""
        return self._number.since(since)

    def monetary(self, since: date) -> dict[str, int]:
        """What was spent since that day by currency, less refunds, never below 0."""
        spent = {currency: sums.since(since) for currency, sums in self._paid.items()}
        for currency, sums in self._given_back.items():
            spent[currency] = spent.get(currency, 0) - sums.since(since)
        return {currency: max(0, amount) for currency, amount in spent.items()}
