"""How are events archived, and a claim given back?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.db import Transaction
from common.events import Event


class Archived(NamedTuple):
    """One event as it came; `body` is encrypted, `customer` '' where none is known."""

    shop: str
    customer: str
    source: str
    id: str
    type: str
    at: datetime
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
