"""The work lists of segmentation: statistics, versions met late, held inputs, due times, and what is due by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from common.events import CustomerKey
from common.fold.customers import fold_due, lock_due, refold
from common.fold.long import LongHistories
from common.fold.store_long import count_long_histories
from common.shops.settings import SHOPS
from common.shops.settings import next_refolds as next_refolds_of_settings
from common.storage.database import Transaction
from common.versions.table import Late, VersionTable
from common.work.set_aside import Task
from common.work.sweeps import WorkList
from segmentation.buyer_types.store import count_untyped
from segmentation.fold import SegmentFolding, folding_of, keep, keep_long
from segmentation.jobs import asking
from segmentation.jobs.editions import EDITION, count_editions, make_edition, take_outgrown
from segmentation.jobs.fitting import FITS, fit_models, list_unfitted, take_unfitted
from segmentation.jobs.flowing import FLOWS, count_flows, list_uncounted
from segmentation.jobs.flowing import take_uncounted as take_uncounted_months
from segmentation.jobs.memberships import (
    DEFINITIONS,
    MEMBERSHIPS,
    compare_with,
    count_looks,
    look_at,
    take_definition,
    take_dues,
)
from segmentation.jobs.memberships import MOST as MOST_LOOKS
from segmentation.jobs.recommending import PRODUCTS, count_products, take_uncounted
from segmentation.jobs.rescheduling import RESCHEDULED, reschedule, take_scheduled
from segmentation.jobs.statistics import (
    HELD,
    STATISTICS,
    compute_statistics,
    count_statistics,
    fold_held,
    list_held,
    take_held,
    take_overdue,
)
from segmentation.jobs.typing import TYPES, take_untyped, type_next
from segmentation.jobs.valuing import VALUES, count_unvalued, take_unvalued, value_next
from segmentation.jobs.waiting import SEGMENTS, list_late, list_waiting
from segmentation.rescheduling import store as rescheduling
from segmentation.shop_statistics.store import STATISTICS as READ_BACK
from segmentation.thresholds.store import THRESHOLDS, next_refolds


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
            await keep(tx, folded)
        return len(tasks)

    return do


async def take_due(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers who are due first, without those of shops where something that evaluates all of them is to come.

    What is held comes first, too: nobody is turned past inputs of before. Whose held inputs fail waits alone.
    """
    without = {*await list_waiting(tx, now), *await rescheduling.list_shops(tx), *await list_held(tx, now)}
    return await lock_due(tx, SEGMENTS, now, limit, without, behind=HELD)


async def turn_due(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Advance the tasks' customers to `now`."""
    folding = await folding_of(tx, {task.shop for task in tasks})
    folded = await fold_due(tx, folding, [(task.shop, task.customer) for task in tasks], now)
    await keep(tx, folded)
    return len(tasks)


async def count_due(tx: Transaction, now: datetime) -> int:
    """Months without statistics, and work that waits; customers that are due are counted elsewhere."""
    late = await list_late(tx)
    rescheduled = await rescheduling.list_shops(tx)
    waiting = await count_long_histories(tx) + len(await list_unfitted(tx)) + await count_looks(tx, now)
    waiting += await count_editions(tx, now)
    waiting += await count_untyped(tx, now) + await count_unvalued(tx) + len(await list_uncounted(tx, now))
    return await count_statistics(tx, now) + len(await list_held(tx, now)) + len(late) + len(rescheduled) + waiting


async def folding_of_shop(tx: Transaction, shop: str) -> SegmentFolding:
    """By all that is known of the shop, which stays so until the transaction ends."""
    return await folding_of(tx, [shop])


def long_histories() -> WorkList:
    """The job that folds customers with long histories anew; it remembers how far it has come: one of it a process."""
    return LongHistories(folding_of_shop, keep_long).work_list()


def _refolds(
    name: str,
    table: VersionTable[Any],
    find: Callable[[Transaction, int], Awaitable[tuple[Late | None, list[CustomerKey]]]],
    cause: str,
) -> WorkList:
    """The work list of customers who were folded without a version of the table."""
    return WorkList(name, take_refolds(table, find), refold_by(cause), rebuilds=True, asks=asking.late(table))


WORK = (
    # Not in a rebuild: what the live service has computed is read back, and what it will compute is its own to say.
    WorkList(STATISTICS, take_overdue, compute_statistics, asks=asking.STATISTICS),
    WorkList(EDITION, take_outgrown, make_edition, asks=asking.EDITION),
    WorkList(FITS, take_unfitted, fit_models, asks=asking.FITS),
    WorkList(VALUES, take_unvalued, value_next, asks=asking.VALUES),
    _refolds("settings", SHOPS, next_refolds_of_settings, "settings"),
    _refolds("thresholds", THRESHOLDS, next_refolds, "thresholds_known"),
    _refolds("statistics_read", READ_BACK, READ_BACK.next_refolds, "statistics_known"),
    WorkList(HELD, take_held, fold_held, rebuilds=True, asks=asking.HELD),
    WorkList("rescheduling", take_scheduled, reschedule, most=RESCHEDULED, rebuilds=True, asks=asking.RESCHEDULING),
    WorkList(SEGMENTS, take_due, turn_due, rebuilds=True, asks=asking.CUSTOMERS),
    WorkList(FLOWS, take_uncounted_months, count_flows, asks=asking.FLOWS),
    # Not in a rebuild: types and segments of customers are read back from the topic, and compared when it has ended.
    WorkList(TYPES, take_untyped, type_next, asks=asking.TYPES),
    WorkList(DEFINITIONS, take_definition, compare_with, asks=asking.DEFINITIONS),
    WorkList(PRODUCTS, take_uncounted, count_products, asks=asking.PRODUCTS),
    WorkList(MEMBERSHIPS, take_dues, look_at, most=MOST_LOOKS, asks=asking.MEMBERSHIPS),
)
