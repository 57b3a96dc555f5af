"""Numbers of completed orders: 1 for a customer's first, given once and never changed (ORD-002)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.events import Event
from common.events.orders import OrderCompleted
from common.storage.database import Transaction
from orders_ingest.orders import store_numbers as store
from orders_ingest.orders.state import Named


async def number_completed(tx: Transaction, events: Iterable[Event[Any]]) -> dict[Named, int]:
    """The number of each order that these events complete for a customer; other events are passed over.

    An order without a number gets its customer's next free one, those of one list in order of time. The caller holds
    the locks of the orders and customers, so nobody else numbers them meanwhile; unique indexes make sure.
    """
    found = sorted(
        (event for event in events if isinstance(event.data, OrderCompleted) and event.subject is not None),
        key=lambda event: event.order_key,
    )
    customers = {(event.shop, event.data.order_id): event.customer for event in found}
    if not customers:
        return {}
    numbers = await store.get_numbers(tx, customers)
    new = [order for order in customers if order not in numbers]
    if not new:
        return numbers
    last = await store.last_numbers(tx, sorted({customers[order] for order in new}))
    for order in new:
        last[customers[order]] += 1
        numbers[order] = last[customers[order]]
    await store.insert_numbers(tx, [(*order, customers[order][1], numbers[order]) for order in new])
    return numbers
