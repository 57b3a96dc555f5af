"""SQL of the archive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.storage.database import Transaction


class Archived(NamedTuple):
    """One event as it came; `body` is encrypted, `customer` '' where none is known."""

    shop: str
    customer: str
    source: str
    id: str
    type: str
    at: datetime
    order_id: str | None  # of what has no customer
    body: bytes


async def insert_archive(tx: Transaction, events: Sequence[Archived]) -> None:
    """Add events; the caller has claimed them, so none is there yet."""
    await tx.copy("archive", Archived._fields, events)


async def get_archived(tx: Transaction, shop: str, order_id: str) -> Sequence[Any]:
    """What came of an order, and of its refunds, while it had no customer; in order of time."""
    # By its own index, which holds what has no customer alone.
    return await tx.fetch(
        """
        select source, id, body from archive where shop = :shop and order_id = :order_id and customer = ''
        order by at, source collate "C", id collate "C"
        """,
        shop=shop,
        order_id=order_id,
    )
