"""What keeps segments current: customers compared with a new definition, and those whose facts or date changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.commands.memberships import compare_next, look_again
from segmentation.segments import store_dues as dues
from segmentation.segments.store_definitions import count_uncompared, lock_uncompared

MEMBERSHIPS, DEFINITIONS = "memberships", "definitions"
MOST = 1_000
"""Customers that are looked at in one transaction, in some 50 ms."""


async def take_definition(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A segment that customers are still to be compared with, locked."""
    following = await lock_uncompared(tx)
    return None if following is None else [Task(following[0], "", following[1])]


async def compare_with(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Compare the next page of customers with the tasks' segments."""
    return sum([await compare_next(tx, task.shop, task.what, now) for task in tasks])


async def take_dues(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers whose segments are to be looked at first, locked."""
    return [Task(*key) for key in await dues.lock_due(tx, now, limit)] or None


async def look_at(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Compare the tasks' customers with the segments of their shops."""
    by_shop: dict[str, list[str]] = defaultdict(list)
    for task in tasks:
        by_shop[task.shop].append(task.customer)
    for shop, customers in sorted(by_shop.items()):
        await look_again(tx, shop, sorted(customers), now)
    return len(tasks)


async def count_looks(tx: Transaction, now: datetime) -> int:
    """Customers that are due to be looked at, and definitions that are not compared with everybody yet."""
    return await dues.count_dues(tx, now) + await count_uncompared(tx)
