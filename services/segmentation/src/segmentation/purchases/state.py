"""The purchases of a customer: orders and refunds in the order in which they were first heard of."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from pydantic import BaseModel

from segmentation.purchases.book import Book
from segmentation.purchases.entries import KnownOrder, Refund


class Purchases(BaseModel):
    """Orders and refunds, and what all attributes read of them; changed in place by `rules.remember` alone."""

    orders: list[KnownOrder] = []
    refunds: list[Refund] = []
    completed: int = 0
    """Orders that count: completed, and neither closed nor refunded whole."""
    first_day: date | None = None
    """First and last calendar date, in the shop's zone, with an order that counts, and how many such dates."""
    last_day: date | None = None
    buying_days: int = 0

    @property
    def own_gaps(self) -> int:
        """Number of gaps between different calendar dates with completed orders."""
        return max(self.buying_days - 1, 0)

    @cached_property
    def book(self) -> Book:
        """The index of orders and refunds; not stored."""
        return Book(self.orders, self.refunds)
