"""SQL of the archive: what was published of orders without a customer, until one claims them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from common.events import Event, decode
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault


class Archived(NamedTuple):
    """One event as it was published for nobody; `body` is encrypted."""

    shop: str
    order_id: str
    source: str
    id: str
    at: datetime
    body: bytes


async def insert_archive(tx: Transaction, vault: Vault, events: Iterable[Event[Any]]) -> None:
    """Add what was published of orders without a customer; other events are passed over.

    The caller has claimed them, so none is there yet.
    """
    await tx.copy("archive", Archived._fields, [row for event in events if (row := _row(vault, event)) is not None])


async def get_of_order(tx: Transaction, vault: Vault, shop: str, order_id: str) -> list[Event[Any]]:
    """The versions and refunds of an order that came while it had no customer, without personal fields; by time."""
    # By its index.
    rows = await tx.fetch(
        """
        select source, id, body from archive where shop = :shop and order_id = :order_id
        order by at, source collate "C", id collate "C"
        """,
        shop=shop,
        order_id=order_id,
    )
    return [decode(vault.open(archive_place(shop, row.source, row.id), bytes(row.body))) for row in rows]


def _row(vault: Vault, event: Event[Any]) -> Archived | None:
    order_id = getattr(event.data, "order_id", None)
    if event.subject is not None or order_id is None:
        return None
    body = vault.seal(archive_place(event.shop, event.source, event.id), event.encode())
    return Archived(event.shop, order_id, event.source, event.id, event.time, body)


def archive_place(shop: str, source: str, id_: str) -> str:
    """What an event's body is sealed to."""
    return f"archive:{shop}:{source}:{id_}"
