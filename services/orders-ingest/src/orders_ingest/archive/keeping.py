"""What is kept of an event that was taken, and what came of an order while it was nobody's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from common.crypto.keys import DataKey
from common.events import Event
from common.storage.database import Transaction
from orders_ingest.archive import store
from orders_ingest.archive.store import Archived
from orders_ingest.archive.vault import Vault


class Came(NamedTuple):
    """An event as it came, and whose it turned out to be; `key` None: nobody's, or erased."""

    event: Event[Any]
    body: bytes
    customer: str | None
    key: DataKey | None


async def keep(tx: Transaction, vault: Vault, events: Iterable[Came]) -> None:
    """Archive the events, sealed."""
    await store.insert_archive(tx, [_row(vault, came) for came in events])


async def of_order(tx: Transaction, vault: Vault, shop: str, order_id: str) -> list[Event[Any]]:
    """The versions and refunds of an order that came while it had no customer, without personal fields; by time."""
    rows = await store.get_archived(tx, shop, order_id)
    return [vault.open_body(shop, row.source, row.id, bytes(row.body)) for row in rows]


def _row(vault: Vault, came: Came) -> Archived:
    event = came.event
    return Archived(
        shop=event.shop,
        customer=came.customer or "",
        source=event.source,
        id=event.id,
        type=event.type,
        at=event.time,
        order_id=getattr(event.data, "order_id", None) if came.customer is None else None,
        body=vault.seal_body(event, came.key, came.body),
    )
