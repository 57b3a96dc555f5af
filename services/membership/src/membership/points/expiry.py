"""Expiry of points: the end of the twelfth month after the month in which they became available."""

from __future__ import annotations

from datetime import datetime

from membership.points.books import Books
from membership.points.lots import order_of
from membership.points.state import LOT, ORDER_POINTS


def expire(books: Books, at: datetime) -> None:
    """Take out every lot whose time is up; the order that earned it remembers what went unspent."""
    for name in books.lots.expired(at):
        lot = LOT.get(books.member, name)
        assert lot is not None
        points, order = lot.available, order_of(name)
        if order and ORDER_POINTS.get(books.member, order) is not None:
            ORDER_POINTS.change(books.member, order).expired += points
        books.move(points, ("available", name), ("expired", ""))
    books.lots.look_again()
