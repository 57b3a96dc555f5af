"""The purchases of a customer: what all attributes read of orders and refunds, as sums that stay small."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel

from segmentation.purchases.book import Book

Day = tuple[int, int, int]
"""Ordinal of a calendar date of the shop, orders that count, and what was spent, less refunds, in minor units."""


class Purchases(BaseModel):
    """Sums over orders and refunds, which are items of the customer; changed in place by `rules` alone.

    `spent`: by currency the days on which anything was spent or given back, oldest first, as far back as any rule
    looks. An order is summed on the day on which it completed, a refund of no order on its own.
    """

    if not TYPE_CHECKING:
        __setattr__ = object.__setattr__  # as of the state that it is part of (common.fold.items)

    completed: int = 0
    """Orders that count: completed, and neither closed nor refunded whole."""
    first_day: date | None = None
    """First and last calendar date, in the shop's zone, with an order that counts, and how many such dates."""
    last_day: date | None = None
    buying_days: int = 0
    spent: dict[str, list[Day]] = {}

    @property
    def own_gaps(self) -> int:
        """Number of gaps between different calendar dates with completed orders."""
        return max(self.buying_days - 1, 0)

    @cached_property
    def book(self) -> Book:
        """The days of a customer folded from the start, and of nobody else; not stored."""
        return Book()

    def since(self, day: date) -> tuple[int, dict[str, int]]:
        """Orders that count of that day and later, and what was spent by currency, less refunds, never below 0."""
        first, orders, spent = day.toordinal(), 0, dict[str, int]()
        for currency, days in self.spent.items():
            total = 0
            for of_day, number, amount in reversed(days):
                if of_day < first:
                    break
                orders += number
                total += amount
            spent[currency] = max(0, total)
        return orders, spent

    def bought_on(self, day: date) -> bool:
        """Whether an order that counts completed that day, which is no earlier than the sums reach."""
        wanted = day.toordinal()
        for days in self.spent.values():
            for of_day, number, _ in reversed(days):
                if of_day <= wanted:
                    if of_day == wanted and number:
                        return True
                    break
        return False

    def add(self, currency: str, day: date, orders: int, amount: int) -> None:
        """Add to the sums of that day; a day of which nothing is left goes."""
        days, wanted = self.spent.setdefault(currency, []), day.toordinal()
        place = len(days)
        while place and days[place - 1][0] > wanted:
            place -= 1
        if place and days[place - 1][0] == wanted:
            place -= 1
            _, known, spent = days[place]
            days[place] = (wanted, known + orders, spent + amount)
            if days[place][1:] == (0, 0):
                del days[place]
        elif orders or amount:
            days.insert(place, (wanted, orders, amount))
        if not days:
            del self.spent[currency]

    def forget(self, before: date) -> None:
        """Drop the days before that one: no rule looks at them any more."""
        first = before.toordinal()
        for currency, days in list(self.spent.items()):
            gone = 0
            while gone < len(days) and days[gone][0] < first:
                gone += 1
            if gone == len(days):
                del self.spent[currency]
            elif gone:
                del days[:gone]
