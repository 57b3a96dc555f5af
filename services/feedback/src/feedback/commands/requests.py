"""What customers ask for with an order becomes work of the shop's people, and ends with it (XCT-003, ORD-011)."""

from __future__ import annotations

from datetime import timedelta

from common.crypto.keys import KeyRing
from common.events import Event, fact_id
from common.events.orders import OrderSpecialRequest
from common.storage.database import Transaction
from feedback.commands.sealing import CustomerErased, UnknownCustomer, opened
from feedback.commands.tasks import end_task, request_task
from feedback.tasks.rules import Ending, NewTask
from feedback.tasks.store import TASKS

DUE = timedelta(days=1)
FRESH = timedelta(days=14)
"""Older requests are history: an import of years makes no work."""


async def take_special_request(tx: Transaction, keys: KeyRing, event: Event[OrderSpecialRequest]) -> None:
    """Request the task of an open one, and end it once the shop says that it is done; each once. Customers locked."""
    told, now = event.data, tx.clock.now()
    task_id = fact_id(f"request/{told.order_id}/{told.request_id}", "task", event.shop, event.subject or "", 0)
    found = await TASKS.get(tx, event.shop, task_id)
    if told.state == "done":
        if found is not None and found.data.state == "open":
            await end_task(tx, keys, event.shop, task_id, Ending("done", "orders-ingest"))
        return
    if found is not None or now - event.time > FRESH:
        return
    text = (await opened(tx, keys, event)).data.text if event.subject is not None else None
    new = NewTask(
        task_id,
        "other",
        "Asked for with an order",
        due_at=event.time + DUE,
        text=text,
        order_id=told.order_id,
        requested_by="orders-ingest",
    )
    try:
        await request_task(tx, keys, event.shop, event.subject, new)
    except (UnknownCustomer, CustomerErased):
        return  # orders-ingest shows what was asked for; without the customer's key it is not kept here
