"""Upsert of an order as it stands: one event for each state that it has newly reached (ORD-031)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import ORDER_TIMES, check, refused_time
from orders_ingest.intake.state import Offered, Outcome
from orders_ingest.orders import store_reading as store
from orders_ingest.orders.implied import implied_events


async def put_order(
    tx: Transaction, vault: Vault, shop: str, order_id: str, order: Mapping[str, Any], original: bytes
) -> list[Outcome]:
    """Outcomes of the events that the order implies, in order of state; a single refusal where one makes no sense.

    `order` holds datetimes, `customer` and `time` included; `original` is the body by which a repeat is recognised.
    Idempotent.
    """
    now = tx.clock.now()
    bad = refused_time(order_id, now, ((name, order.get(name)) for name in ("time", *ORDER_TIMES)))
    if bad is not None:
        return [bad]
    stored = await store.get_order(tx, shop, order_id)
    offered: list[Offered] = []
    for event in implied_events(shop, order_id, order, stored.state if stored is not None else None):
        checked = check(event, shop, now, original)
        if isinstance(checked, Outcome):
            return [checked]
        offered.append(checked)
    return await take_events(tx, vault, offered)
