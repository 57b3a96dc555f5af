"""What does feedback do about a version of the policy that a rebuild met late? It moves the questions."""

from __future__ import annotations

from datetime import datetime

from common.db import Transaction
from feedback.store.policies import POLICIES, get_versions
from feedback.store.unasked import get_unasked, list_unasked, save_dues


async def move_questions(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite: questions that were noted without the version fall due by it; what was asked stays asked (FBK-007)."""
    late = await POLICIES.next_late(tx)
    if late is None:
        return 0
    keys = await list_unasked(tx, late.shop, late.valid_from, late.after, limit)
    await tx.lock_customers(keys)
    versions = (await get_versions(tx, [late.shop]))[late.shop]
    await save_dues(tx, [order.due(versions) for order in await get_unasked(tx, keys)])
    await POLICIES.save_progress(tx, late, keys, limit)
    return max(1, len(keys))
