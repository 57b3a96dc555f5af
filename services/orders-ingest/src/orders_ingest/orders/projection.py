"""Orders that something taken concerns: locked and read before it is decided, saved after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.events import Event
from common.events.orders import OrderEvent
from common.storage.database import Transaction
from orders_ingest.orders import store
from orders_ingest.orders.state import KnownOrder, Named
from orders_ingest.orders.store import OrderRow
from orders_ingest.versions.rules import state_number


async def lock(tx: Transaction, orders: Mapping[Named, str]) -> dict[Named, KnownOrder]:
    """Lock the orders; those that are known. The values are the customers of new ones, '' nobody."""
    return {key: _known(row) for key, row in (await store.lock_orders(tx, orders)).items()}


async def save(tx: Transaction, versions: Iterable[Event[OrderEvent]]) -> None:
    """Keep the newest version of each order; the versions are as published."""
    await store.save_orders(tx, [_row(event) for event in versions])


async def give_to(tx: Transaction, owners: Mapping[Named, str]) -> None:
    """Give orders that were nobody's the customers who turned out to be theirs."""
    await store.claim_orders(tx, owners)


async def forget_unknown(tx: Transaction, orders: Iterable[Named]) -> None:
    """Remove what was locked of orders of which no version came and for which no refund waits."""
    await store.delete_unknown(tx, orders)


def _known(row: Any) -> KnownOrder:
    rank = row.revision, row.state_number, row.source, row.event_id
    return KnownOrder(row.customer, row.numbered, rank, row.state, row.currency, row.goods_paid, row.freight)


def _row(event: Event[OrderEvent]) -> OrderRow:
    data = event.data
    return OrderRow(
        shop=event.shop,
        order_id=data.order_id,
        customer=event.subject or "",
        revision=data.revision,
        state_number=state_number(event),
        source=event.source,
        event_id=event.id,
        numbered=data.version is not None,
        state=data.state,
        currency=data.currency,
        goods_paid=data.goods_paid,
        freight=data.freight,
        at=event.time,
        body=data.model_dump_json(exclude_none=True),
    )
