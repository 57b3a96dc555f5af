"""A month's statistics made anew, in a new edition, where much of the history of before was told after them.

A shop that tells its history event by event has its first statistics in its first second, of what had come by then; one
that imports its history while it lives has them of what it had told before. By the next month they would be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from common.shops.imports import list_importing
from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.commands.statistics import save_edition
from segmentation.fold import read_shops
from segmentation.jobs.statistics import list_overdue, next_portion
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shop_statistics.state import EDITIONS
from segmentation.shop_statistics.store import STATISTICS
from segmentation.shop_statistics.store_late import begin_again, forget_late, list_outgrown
from segmentation.shops.store import lock_shops

EDITION = "statistics_anew"
MUCH = Fraction(1, 4)
"""Of the orders that were known: by so many more the statistics are made anew."""


async def list_to_edit(tx: Transaction, now: datetime) -> list[str]:
    """Shops whose newest statistics are to be made anew now, without those that failed.

    A shop waits while a file of its history is on its way, while a new month's are due, which will know all that has
    come, and while its customers are still being folded anew by the edition before.
    """
    names = await list_outgrown(tx, now)
    if not names:
        return []
    waits = {*await list_importing(tx, names, now), *await list_overdue(tx, now), *await STATISTICS.late_shops(tx)}
    return await shop_statistics.list_not_set_aside(tx, [name for name in names if name not in waits], EDITION)


async def take_outgrown(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop whose statistics are made anew, as a task without a customer; one process alone computes at any time."""
    names = await list_to_edit(tx, now)
    if not names or not await shop_statistics.try_to_compute(tx):
        return None  # another process computes; this one comes again in a second
    return [Task(names[0], "")]


async def make_edition(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One portion of each task's shop; after the last one everybody is folded anew by what was found.

    Where orders were told again that were known, nothing has grown, and nothing is announced.
    """
    if not await shop_statistics.try_to_compute(tx):
        return 0
    for task in tasks:
        shop = (await read_shops(tx, [task.shop]))[task.shop]
        newest = shop.statistics[-1]
        await begin_again(tx, task.shop, newest.month, newest.orders, now)
        counted = await next_portion(tx, task.shop, shop, newest.month, newest.as_of)
        if counted is None:
            continue
        computed, late = counted
        # Waits until nobody is folding.
        await lock_shops(tx)
        if newest.outgrown_by(computed.orders, MUCH) and newest.edition + 1 < EDITIONS:
            await save_edition(tx, task.shop, computed.model_copy(update={"edition": newest.edition + 1}))
        await shop_statistics.discard_portions(tx, task.shop)
        await forget_late(tx, task.shop, late)
    return len(tasks)


async def count_editions(tx: Transaction, now: datetime) -> int:
    """Shops whose statistics are to be made anew."""
    return len(await list_to_edit(tx, now))
