"""The calendar dates with orders that count, of a customer who is folded from the start."""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import date


class Book:
    """Orders that count by day: where one counts no more, only all of them tell the first day and the last."""

    def __init__(self) -> None:
        self._orders: dict[date, int] = {}
        self.days: list[date] = []
        """The dates with orders that count, in order."""

    def count(self, day: date, sign: int) -> None:
        """One order more (1) or less (-1) counts on that day."""
        left = self._orders.get(day, 0) + sign
        if left == 0:
            del self._orders[day]
            del self.days[bisect_left(self.days, day)]
            return
        if day not in self._orders:
            insort(self.days, day)
        self._orders[day] = left
