"""Events that ask for messages, and the facts that messages rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.orders import OrderEvent, OrderLogisticsUpdated, OrderRefunded
from common.storage.database import Transaction
from messaging.conditions.rules import complaint_of, purchases_of
from messaging.conditions.state import OrderNews
from messaging.conditions.store import save_conditions, save_order_news, save_purchases
from messaging.flows.registry import asks, candidates_for, conditions_of
from messaging.flows.store import insert_candidates
from messaging.policy.state import in_force
from messaging.policy.store import get_versions


async def on_orders(tx: Transaction, batch: Batch) -> None:
    """Keep what was said about orders and parcels, and make notices of it; an order also ends a lapse."""
    mine = [e for e in batch.events if e.subject is not None]
    await save_order_news(
        tx,
        [
            (e.customer, f"{e.source}#{e.id}", OrderNews(e.data.order_id, e.time, e.data))
            for e in mine
            if isinstance(e.data, OrderEvent | OrderRefunded | OrderLogisticsUpdated) and e.data.order_id is not None
        ],
    )
    await save_purchases(tx, [(e.customer, at) for e in mine for at in purchases_of(e)])
    await _make_candidates(tx, batch.events)


async def on_conditions(tx: Transaction, batch: Batch) -> None:
    """What is so about a customer, and the messages that rest on it."""
    await save_conditions(
        tx,
        [(e.customer, e.time, c) for e in batch.events if e.subject is not None for c in conditions_of(e)],
    )
    await _make_candidates(tx, batch.events)


async def on_complaints(tx: Transaction, batch: Batch) -> None:
    """Tickets that pause the customer's marketing while they are open."""
    said = [(e, complaint_of(e)) for e in batch.events if e.subject is not None]
    await save_conditions(tx, [(e.customer, e.time, condition) for e, condition in said if condition is not None])


async def _make_candidates(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """A candidate on each channel that the shop's policy named when it happened: a rebuild asks for the same ones."""
    asking = [event for event in events if asks(event)]
    versions = await get_versions(tx, {event.shop for event in asking}) if asking else {}
    await insert_candidates(
        tx, [c for e in asking for c in candidates_for(e, in_force(versions[e.shop], e.time).policy.channels)]
    )
