"""Dues of tickets that pass unmet are noted and announced: first answer, end, promise (FBK-027, FBK-028)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from common.crypto.keys import KeyRing
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.commands.sealing import sealed
from feedback.commands.tickets import announced, readable_all
from feedback.tickets import store, store_due
from feedback.tickets.rules import overdue


def note_overdue(keys: KeyRing) -> Callable[[Transaction, datetime, Sequence[Task]], Awaitable[int]]:
    """Notes, of customers' tickets, each due that passed, dated when it did, however late that is seen."""

    async def note(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        done = 0
        due = await store_due.get_due(tx, now, [(task.shop, task.customer) for task in tasks])
        for (customer, _), ticket in zip(due, await readable_all(tx, keys, due), strict=True):
            events = [
                await sealed(tx, keys, announced(customer, passed, at), personal=False)
                for at, passed in overdue(ticket, now)
            ]
            await store.save(tx, events)
            await tx.announce(events)
            done += len(events)
        return done

    return note
