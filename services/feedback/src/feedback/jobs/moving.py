"""Questions move where a rebuild met a version of the policy late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.db import Transaction
from common.set_aside import Task
from feedback.store.policies import POLICIES, get_versions
from feedback.store.unasked import get_unasked, list_unasked, save_dues


async def take_late_policy(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next customers whose question was noted without the version."""
    late = await POLICIES.next_late(tx)
    if late is None:
        return None
    keys = await list_unasked(tx, late.shop, late.valid_from, late.after, limit)
    await POLICIES.save_progress(tx, late, keys, limit)
    return [Task(*key) for key in keys]


async def move_questions(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """The tasks' questions fall due by all versions; what was asked stays asked (FBK-007)."""
    keys = [(task.shop, task.customer) for task in tasks]
    await tx.lock_customers(keys)
    versions = await get_versions(tx, {task.shop for task in tasks})
    await save_dues(tx, [order.due(versions[order.shop]) for order in await get_unasked(tx, keys)])
    return len(tasks)
