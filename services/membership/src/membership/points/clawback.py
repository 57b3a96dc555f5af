"""Where refunded points come from: their own lot first, then what expires soonest, then debt (MEM-053)."""

from __future__ import annotations

from membership.points.books import Books
from membership.points.state import LOT, ORDER_POINTS


def claw_back(books: Books, order_id: str, points: int, *, clamp: bool) -> None:
    """Take available points back; what is not there becomes debt, or with `clamp` is let go.

    What expired of the order's own points unspent counts as taken.
    """
    order = ORDER_POINTS.change(books.member, order_id)
    gone = min(points, order.expired)
    order.expired -= gone
    points -= gone
    for name in books.lots.own(order_id):
        taken = min(points, LOT.change(books.member, name).available)
        books.move(taken, ("available", name), ("reversed", ""))
        points -= taken
    for name, taken in books.lots.soonest(points):
        books.move(taken, ("available", name), ("reversed", ""))
        points -= taken
    books.lots.look_again()
    if not clamp:
        books.move(points, ("debt", ""), ("reversed", ""))
