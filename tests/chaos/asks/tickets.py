"""Customers complain, and agents resolve some of it."""

from __future__ import annotations

from chaos.answers import ACKED, Ticket
from chaos.door import Door
from chaos.workload import Workload


async def complain(door: Door, workload: Workload, count: int) -> None:
    """`count` tickets from the first third on; two in three are resolved, asked for twice here and there."""
    for number in range(count):
        await door.until(0.3 + 0.65 * number / count)
        ticket_id = f"t{number:03}"
        noted = door.answers.tickets[ticket_id] = Ticket(door.rng.choice(workload.customers))
        body = {"ticket_id": ticket_id, "customer": noted.customer, "kind": "complaint", "text": "It came late."}
        noted.answer, _ = await door.ask("feedback", "tickets", body)
        if noted.answer != ACKED:
            continue
        if door.rng.random() < 0.3:
            await door.send("feedback", f"/v1/shops/{door.shop}/tickets", body)
        if number % 3:
            done = {"entry_id": "e1", "action": "resolve", "by": "an agent", "text": "Sent again."}
            noted.resolved, _ = await door.ask("feedback", f"tickets/{ticket_id}/entries", done)
