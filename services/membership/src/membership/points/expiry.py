"""Expiry of points: the end of the twelfth month after the month in which they became available, or what extends it."""

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


def extend(books: Books, expires: datetime) -> None:
    """No available points expire before that; wants all lots. What was redeemed keeps its expiry (MEM-053)."""
    for name, lot in list(LOT.all(books.member)):
        if lot.available and lot.expires is not None and lot.expires < expires:
            held = LOT.change(books.member, name)
            held.expires = expires
            books.lots.add(name, held)
    books.lots.look_again()
