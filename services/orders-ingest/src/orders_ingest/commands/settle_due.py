"""What of orders is due: a broken promise and a reminder are announced, a delivered order completes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from common.events import Event, EventData, fact_id, rfc3339
from common.events.orders import DeliveryPromiseBroken, OrderCompleted, OrderDelivered, OrderEvent, OrderReceiptDue
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.details import store as details
from orders_ingest.identity import store as identity
from orders_ingest.intake.state import Offered
from orders_ingest.orders import store_due as store
from orders_ingest.orders.due import Due, completes_at, settle, with_promise
from orders_ingest.orders.state import Named

_AS_STORED = OrderDelivered
"""The class that reads any version of an order as it is stored: classes of orders differ in their type alone."""


async def settle_due(tx: Transaction, vault: Vault, now: datetime, orders: Sequence[Named]) -> int:
    """Do what is due of these orders by `now`; the caller holds their locks. Returns how many things were done.

    Times and ids follow from what falls due, so that a replay on a set clock says the same (ORD-031, ORD-034).
    """
    rows = await store.get_due(tx, orders)
    await identity.hold(tx, {row.shop for row in rows})
    facts, completed, nexts = list[Event[Any]](), list[Event[Any]](), list[tuple[str, str, datetime | None]]()
    for row in rows:
        order = with_promise(_AS_STORED.model_validate_json(row.body), row.promised_by)
        done, next_at = settle(order, row, now)
        nexts.append((row.shop, row.order_id, next_at))
        facts += [_fact(row, order, due) for due in done if due.kind != "completion"]
        completed += [_completed(row, due.at) for due in done if due.kind == "completion"]
    await _complete(tx, vault, completed)
    await tx.lock_customers(fact.customer for fact in facts if fact.subject is not None)
    await details.save_announced(tx, facts)
    await tx.announce(facts)
    await store.save_next(tx, nexts)
    return len(facts) + len(completed)


async def _complete(tx: Transaction, vault: Vault, completed: Sequence[Event[OrderCompleted]]) -> None:
    """Take the completions as if they had come, numbered and with the personal fields of the version before."""
    keys = await vault.ring.keys_for(tx, {event.customer for event in completed if event.subject is not None})
    offered = []
    for event in completed:
        if event.subject is not None:
            event = vault.ring.open_event(event, keys.get(event.customer))
        offered.append(Offered(event, event.encode(), event.id.encode(), upserted=True))
    if not offered:
        return
    for outcome in await take_events(tx, vault, offered):
        if outcome.refusal is not None:
            raise outcome.refusal


def _completed(row: Any, at: datetime) -> Event[Any]:
    """The completion, above the version that it completes: that may have been told long after the delivery."""
    told_at = max(at, row.at)
    body = {**orjson.loads(row.body), "state": "completed", "completed_at": rfc3339(at), "again": False, "revision": 0}
    id_ = fact_id(f"{row.order_id}:completion@{rfc3339(at)}", OrderCompleted.TYPE, row.shop, row.customer, 0)
    return _event(row, id_, told_at, OrderCompleted.model_validate_json(orjson.dumps(body)))


def _fact(row: Any, order: OrderEvent, due: Due) -> Event[Any]:
    data: EventData
    if due.kind == "promise":
        assert order.promised_by is not None, "a promise falls due where there is one"
        delivered_at = order.delivered_at or row.delivered_told_at
        data = DeliveryPromiseBroken(order_id=row.order_id, promised_by=order.promised_by, delivered_at=delivered_at)
    else:
        delivered = order.delivered_at or row.at
        data = OrderReceiptDue(order_id=row.order_id, delivered_at=delivered, completes_at=completes_at(order, row.at))
    id_ = fact_id(f"{row.order_id}:{due.kind}@{rfc3339(due.at)}", data.TYPE, row.shop, row.customer, 0)
    return _event(row, id_, due.at, data)


def _event(row: Any, id_: str, at: datetime, data: EventData) -> Event[Any]:
    """Of the order's customer, or keyed by the order of nobody."""
    key = "" if row.customer else row.order_id
    return Event(id_, f"/shops/{row.shop}/orders-ingest", row.shop, row.customer or None, at, data, key)
