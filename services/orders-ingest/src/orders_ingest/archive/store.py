"""SQL of the archive: what came, sealed under the name of its event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from common.crypto.keys import DataKey
from common.crypto.sealing import seal_bytes
from common.events import CustomerKey, Event, decode
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault


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


async def insert_archive(
    tx: Transaction,
    vault: Vault,
    keys: Mapping[CustomerKey, DataKey | None],
    events: Iterable[tuple[Event[Any], bytes, str | None]],
) -> None:
    """Add events as they came, with their bodies and whose they turned out to be (None: nobody's).

    The caller has claimed them, so none is there yet.
    """
    await tx.copy("archive", Archived._fields, [_row(vault, keys, *each) for each in events])


async def get_of_order(tx: Transaction, vault: Vault, shop: str, order_id: str) -> list[Event[Any]]:
    """The versions and refunds of an order that came while it had no customer, without personal fields; by time."""
    # By its own index, which holds what has no customer alone.
    rows = await tx.fetch(
        """
        select source, id, body from archive where shop = :shop and order_id = :order_id and customer = ''
        order by at, source collate "C", id collate "C"
        """,
        shop=shop,
        order_id=order_id,
    )
    return [decode(vault.open(_place(shop, row.source, row.id), bytes(row.body))) for row in rows]


def _row(
    vault: Vault,
    keys: Mapping[CustomerKey, DataKey | None],
    event: Event[Any],
    body: bytes,
    customer: str | None,
) -> Archived:
    key = keys[event.shop, customer] if customer is not None else None
    return Archived(
        shop=event.shop,
        customer=customer or "",
        source=event.source,
        id=event.id,
        type=event.type,
        at=event.time,
        order_id=getattr(event.data, "order_id", None) if customer is None else None,
        body=_sealed(vault, event, key, body),
    )


def _sealed(vault: Vault, event: Event[Any], key: DataKey | None, body: bytes) -> bytes:
    """Without a customer's key (none, or erased) personal fields are left out of the body."""
    place = _place(event.shop, event.source, event.id)
    if key is not None:
        return seal_bytes(body, key.key, aad=place.encode())
    return vault.seal(place, vault.ring.seal_event(event, None).encode())


def _place(shop: str, source: str, id_: str) -> str:
    return f"archive:{shop}:{source}:{id_}"
