"""Questions and turns are moved where a rebuild meets a version of the policy after the orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.commands.turns import note_turns
from feedback.handlers import note_questions
from feedback.orders.store import list_completed_of, list_customers_since
from feedback.policy.store import POLICIES, get_versions


async def take_late_policy(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next customers with an order that was evaluated without the version."""
    late = await POLICIES.next_late(tx)
    if late is None:
        return None
    keys = await list_customers_since(tx, late.shop, late.valid_from, late.after, limit)
    await POLICIES.save_progress(tx, late, keys, limit)
    return [Task(*key) for key in keys]


async def move_questions(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """The tasks' questions fall due by all versions; what was asked stays asked (FBK-007)."""
    keys = [(task.shop, task.customer) for task in tasks]
    await tx.lock_customers(keys)
    versions = await get_versions(tx, {task.shop for task in tasks})
    await note_questions(tx, [order.key for order in await list_completed_of(tx, keys)], versions)
    await note_turns(tx, keys, versions)
    return len(tasks)
