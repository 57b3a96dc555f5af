"""When are points gone? At the end of the twelfth month after the month in which they became available."""

from __future__ import annotations

from datetime import datetime

from membership.domain.ledger import Books
from membership.domain.state import MemberState


def next_expiry(state: MemberState) -> datetime | None:
    """The soonest expiry of points that are there."""
    return min((lot.expires for lot in state.lots.values() if lot.available and lot.expires), default=None)


def expire(books: Books, at: datetime) -> None:
    """Take out every lot whose time is up."""
    for name, lot in list(books.state.lots.items()):
        if lot.available and lot.expires is not None and lot.expires <= at:
            books.move(lot.available, ("available", name), ("expired", ""))
