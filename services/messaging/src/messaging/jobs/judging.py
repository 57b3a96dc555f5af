"""The sweep that judges clicks a minute after them; the first of a person's on a message is announced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.storage.database import Transaction
from common.work.set_aside import Task
from messaging.commands.moves import wake_persons
from messaging.commands.receipts import take_receipts
from messaging.delivery.clicks import store
from messaging.delivery.clicks.rules import by_a_person
from messaging.delivery.receipts.state import Receipt
from messaging.metrics import CLICKS


async def take_clicks(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers with the earliest hits to be judged, locked."""
    return [Task(*key) for key in await store.lock_due_customers(tx, now, limit)] or None


async def judge_clicks(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Judge what is due of these customers; returns how many hits."""
    keys = [(task.shop, task.customer) for task in tasks]
    await tx.lock_customers(keys)
    judged, first = 0, list[Receipt]()
    for (shop, message_id), clicked in (await store.take_due(tx, keys, now)).items():
        people = [hit for hit in clicked.due if by_a_person(hit, clicked.hits, clicked.sent_at)]
        judged += len(clicked.due)
        CLICKS.labels("person").inc(len(people))
        CLICKS.labels("program").inc(len(clicked.due) - len(people))
        if people:
            first.append(Receipt(shop, message_id, "clicked", str(people[0].link), people[0].at))
    await take_receipts(tx, first)
    # What a run waits for may have happened.
    await wake_persons(tx, [(key, now) for key in keys] if first else [])
    return judged
