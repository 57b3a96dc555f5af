"""Expiry of points: the end of the twelfth month after the month in which they became available."""

from __future__ import annotations

from datetime import datetime

from membership.points.books import Books
from membership.points.lots import LotOrder, order_of


def expire(books: Books, at: datetime) -> None:
    """Take out every lot whose time is up; the order that earned it remembers what went unspent."""
    state = books.state
    for name in LotOrder.of(state).expired(at):
        points = state.lots[name].available
        order = state.orders.get(order_of(name))
        if order is not None:
            order.expired += points
        books.move(points, ("available", name), ("expired", ""))
