"""Tickets opened and worked on over HTTP, the sweep of what is overdue, and what was announced of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events import Event
from common.events.feedback import TicketEvent
from common.events.membership import TierChanged
from common.work.sweeps import WorkList, work
from feedback.jobs.overdue import note_overdue
from feedback.tickets import store_due

from ..conftest import MARCH, Feedback

TICKETS = "/v1/shops/s/tickets"
HOUR = timedelta(hours=1)
ROWS = "select ticket_id, revision, state, priority, due_at, cast(body as text) from tickets order by 1"
ENTRIES = "select ticket_id, revision, type, at, cast(body as text) from ticket_entries order by 1, 2"


def tier(customer: str, name: str, revision: int = 1) -> Event[TierChanged]:
    data = TierChanged(
        old="Regular", new=name, new_id=name.lower(), direction="up", reason="upgrade", revision=revision
    )
    return Event(f"tier-{customer}-{revision}", "/shops/s/membership", "s", customer, MARCH, data)


async def open_one(feedback: Feedback, ticket_id: str, customer: str = "ann", **fields: Any) -> Any:
    return await feedback.client.post(TICKETS, json={"ticket_id": ticket_id, "customer": customer, **fields})


async def act(feedback: Feedback, ticket_id: str, entry_id: str, action: str, **fields: Any) -> Any:
    entry = {"entry_id": entry_id, "action": action, "by": "li", **fields}
    return await feedback.client.post(f"{TICKETS}/{ticket_id}/entries", json=entry)


async def sweep(feedback: Feedback) -> int:
    jobs, done = WorkList(store_due.JOB, store_due.lock_due, note_overdue(feedback.keys)), 0
    while True:
        async with feedback.database.transaction() as tx:
            rows = await work(tx, jobs, feedback.clock.now(), 200) or 0
        done += rows
        if rows == 0:
            return done


async def told(feedback: Feedback) -> list[Event[TicketEvent]]:
    return [event for event in await feedback.announced() if isinstance(event.data, TicketEvent)]


def claim_of(amount: int) -> dict[str, Any]:
    return {"kind": "refund", "amount": amount, "currency": "CNY"}
