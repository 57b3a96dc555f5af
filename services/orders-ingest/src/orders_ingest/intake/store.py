"""How are events archived, and a claim given back?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import Event
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
    await tx.copy("archive", Archived._fields, events)


async def delete_claims(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Give back the claims of events that were refused after all, so that a mended one may use its id again."""
    if not events:
        return
    await tx.execute(
        """
        delete from inbox i
        using unnest(cast(:shops as text[]), cast(:sources as text[]), cast(:ids as text[])) as w(shop, source, id)
        where i.shop = w.shop and i.source = w.source and i.id = w.id
        """,
        shops=[e.shop for e in events],
        sources=[e.source for e in events],
        ids=[e.id for e in events],
    )


async def update_claims(tx: Transaction, events: Sequence[tuple[Event[Any], bytes]]) -> None:
    """The hash of the body that was taken, where the first of that name in the list was refused."""
    for event, digest in events:
        await tx.execute(
            "update inbox set hash = :hash where shop = :shop and source = :source and id = :id",
            hash=digest, shop=event.shop, source=event.source, id=event.id,
        )  # fmt: skip


async def get_archived(tx: Transaction, shop: str, order_id: str) -> Sequence[Any]:
    # What was told of an order, and of its refunds, while it had no customer; in order of time.
    return await tx.fetch(
        """
        select source, id, body from archive where shop = :shop and order_id = :order_id and customer = ''
        order by at, source collate "C", id collate "C"
        """,
        shop=shop,
        order_id=order_id,
    )
