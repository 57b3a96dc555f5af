"""Customers who are one person, or were said to be: what waits for either is decided again."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.people.store import save_merge
from common.storage.database import Transaction
from messaging.commands.recalling import recall_persons
from messaging.decisions.store import wake_people
from messaging.flows.running.store import wake_runs


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Keep who is one person with whom: consent, caps, messages and ways through flows are theirs together from now
    on (ORD-040).

    Nothing is moved, so that an undone merge leaves no trace but what was sent.
    """
    for event in sorted(batch.events, key=lambda event: event.data.sequence):
        moved = await save_merge(tx, event)
        if moved is not None:
            await recall_persons(tx, moved.after.keys())
            await wake_people(tx, sorted(moved.after), event.time)
            if not tx.rebuilding:
                await wake_runs(tx, [(key, event.time) for key in moved.after])
