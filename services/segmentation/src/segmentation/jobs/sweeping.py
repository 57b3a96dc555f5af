"""The work lists of segmentation: statistics, versions met late, held inputs, due times, and what is due by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from common.events import CustomerKey
from common.fold.customers import fold_due, lock_due, refold
from common.shops.settings import SHOPS, next_refolds
from common.storage.database import Transaction
from common.versions.table import Late, VersionTable
from common.work.set_aside import Task
from common.work.sweeps import WorkList
from segmentation.fold import folding_of
from segmentation.jobs.rescheduling import RESCHEDULED, reschedule, take_scheduled
from segmentation.jobs.statistics import (
    HELD,
    STATISTICS,
    compute_statistics,
    count_held,
    count_statistics,
    fold_held,
    list_overdue,
    take_held,
    take_overdue,
)
from segmentation.rescheduling import store as rescheduling
from segmentation.thresholds.store import THRESHOLDS


def take_refolds(
    table: VersionTable[Any], find: Callable[[Transaction, int], Awaitable[tuple[Late | None, list[CustomerKey]]]]
) -> Callable[[Transaction, datetime, int], Awaitable[Sequence[Task] | None]]:
    """The next customers who were folded without a version of the table; `what` is its number and its start."""

    async def take(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
        version, keys = await find(tx, limit)
        if version is None:
            return None
        await table.save_progress(tx, version, keys, limit)
        at = min(version.valid_from, now)
        return [Task(*key, f"{version.number} {at.isoformat()}") for key in keys]

    return take


def refold_by(cause: str) -> Callable[[Transaction, datetime, Sequence[Task]], Awaitable[int]]:
    """Fold the tasks' customers anew, dated when the version came into force: what it changes was so from then on."""

    async def do(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        versions: dict[str, list[CustomerKey]] = defaultdict(list)
        for task in tasks:
            versions[task.what].append((task.shop, task.customer))
        folding = await folding_of(tx, {task.shop for task in tasks})
        for what, keys in versions.items():
            number, _, at = what.partition(" ")
            folded = await refold(tx, folding, keys, f"{cause}@{number}", datetime.fromisoformat(at))
            await tx.announce(folded.facts())
        return len(tasks)

    return do


async def take_due(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers who are due first, without those of shops where something that evaluates all of them is to come."""
    without = {
        *await list_overdue(tx, now),
        *await rescheduling.list_shops(tx),
        *await THRESHOLDS.late_shops(tx),
        *await SHOPS.late_shops(tx),
    }
    return await lock_due(tx, "segments", now, limit, without)


async def turn_due(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Advance the tasks' customers to `now`."""
    folding = await folding_of(tx, {task.shop for task in tasks})
    folded = await fold_due(tx, folding, [(task.shop, task.customer) for task in tasks], now)
    await tx.announce(folded.facts())
    return len(tasks)


async def count_due(tx: Transaction, now: datetime) -> int:
    """Months without statistics, and work that waits; customers that are due are counted elsewhere."""
    late = await THRESHOLDS.late_shops(tx) + await SHOPS.late_shops(tx)
    rescheduled = await rescheduling.list_shops(tx)
    return await count_statistics(tx, now) + await count_held(tx, now) + len(late) + len(rescheduled)


WORK = (
    WorkList(STATISTICS, take_overdue, compute_statistics),
    WorkList("settings", take_refolds(SHOPS, next_refolds), refold_by("settings")),
    WorkList("thresholds", take_refolds(THRESHOLDS, THRESHOLDS.next_refolds), refold_by("thresholds_known")),
    WorkList(HELD, take_held, fold_held),
    WorkList("rescheduling", take_scheduled, reschedule, most=RESCHEDULED),
    WorkList("segments", take_due, turn_due),
)
