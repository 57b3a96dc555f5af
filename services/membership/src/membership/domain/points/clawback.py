"""Where do refunded points come from? Their own lot first, then what expires soonest, then debt (MEM-053)."""

from __future__ import annotations

from membership.domain.ledger import Books, soonest_first


def claw_back(books: Books, order_id: str, points: int, *, clamp: bool) -> None:
    """Take available points back; what is not there becomes debt, or with `clamp` is let go."""
    lots = books.state.lots
    ordered = soonest_first(lots)
    own = [name for name in ordered if name.partition("|")[0] == order_id]
    for name in (*own, *(n for n in ordered if n not in own)):
        taken = min(points, lots[name].available)
        books.move(taken, ("available", name), ("reversed", ""))
        points -= taken
        if not points:
            return
    if not clamp:
        books.move(points, ("debt", ""), ("reversed", ""))
