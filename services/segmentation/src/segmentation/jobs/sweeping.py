"""What falls due in segmentation: monthly figures, inputs held for them, changed rules, turns of customers.

No customer is folded past a month's start before the figures of that month are stored: inputs of later are held
(`store.held`), and what falls due waits. So what is told at an instant follows from what had happened by then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from common.events import CustomerKey
from common.fold.customers import fold_due, fold_events, lock_due, refold
from common.shops.settings import SHOPS, next_refolds
from common.storage.database import Transaction
from common.versions.table import Late, VersionTable
from common.work.set_aside import Task
from common.work.sweeps import Job, WorkList
from segmentation.fold import SegmentFolding
from segmentation.held_inputs import store as held
from segmentation.rescheduling import store as reviews
from segmentation.shop_statistics import store as figures
from segmentation.shops import store as shops
from segmentation.thresholds.store import THRESHOLDS

REVIEWED = 1_000
"""Customers whose due time is computed anew in one bite, in some 50 ms."""


def _keys(tasks: Sequence[Task]) -> list[CustomerKey]:
    return [(task.shop, task.customer) for task in tasks]


async def compute_figures(tx: Transaction, now: datetime, limit: int) -> int:
    """One portion of the figures of a shop whose month has begun."""
    if not await shops.list_overdue(tx, now) or not await figures.try_to_compute(tx):
        return 0  # another process does; this one comes again in a second
    for name, shop in (await shops.read_shops(tx, await shops.list_overdue(tx, now))).items():
        if await held.list_customers(tx, name, shop.pending_at, 1):
            continue  # what happened before the month is folded first
        computed = await figures.compute_portion(tx, name, shop)
        if computed is not None:
            await figures.insert_figures(tx, name, computed)
        return 1
    return 0


async def take_held(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next customers with inputs that were held for figures which are stored now."""
    for name, shop in (await shops.read_shops(tx, await held.list_shops(tx))).items():
        found = await held.list_customers(tx, name, shop.pending_at, limit)
        if found:
            return [Task(name, customer) for customer in found]
    return None


async def fold_held(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Fold what was held of these customers, as far as the figures go now."""
    await tx.lock_customers(_keys(tasks))
    known = await shops.get_shops_to_fold(tx, {task.shop for task in tasks})
    events = [e for e in await held.get_inputs(tx, _keys(tasks)) if e.time < known[e.shop].pending_at]
    folded = await fold_events(tx, SegmentFolding(known), events)
    await tx.announce(folded.facts())
    await held.delete_inputs(tx, events)
    return len(tasks)


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
        folding = SegmentFolding(await shops.get_shops_to_fold(tx, {task.shop for task in tasks}))
        for what, keys in versions.items():
            number, _, at = what.partition(" ")
            folded = await refold(tx, folding, keys, f"{cause}@{number}", datetime.fromisoformat(at))
            await tx.announce(folded.facts())
        return len(tasks)

    return do


async def take_reviewed(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next buyers of a shop whose figures or thresholds are new."""
    under_review = await reviews.next_review(tx)
    if under_review is None:
        return None
    name, after = under_review
    shop = (await shops.get_shops_to_fold(tx, [name]))[name]
    settled_before = shop.settings.date_of(now) - timedelta(days=shop.settled_days)
    buyers, last = await reviews.list_page(tx, name, after, settled_before, limit)
    await reviews.save_cursor(tx, name, last)
    return [Task(name, customer) for customer in buyers]


async def review(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Compute the due times of the tasks' customers anew; written are those that move."""
    known = await shops.get_shops_to_fold(tx, {task.shop for task in tasks})
    folding = SegmentFolding(known)
    for name in sorted(known):
        page = await reviews.read_reviewed(tx, name, [task.customer for task in tasks if task.shop == name])
        suspects = [customer for customer, _ in _moved(folding, page)]
        if suspects:
            await reviews.save_dues(tx, name, _moved(folding, await reviews.lock_reviewed(tx, name, suspects)))
    return len(tasks)


def _moved(folding: SegmentFolding, page: Sequence[reviews.Reviewed]) -> list[tuple[str, datetime | None]]:
    """Whose due time is another than the stored one, and which."""
    moved = []
    for each in page:
        due = folding.next_due(each.state)
        at = due.at if due else None
        if at != each.due_at:
            moved.append((each.customer, at))
    return moved


async def take_due(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers who are due first, but those of shops where something that all of them are judged by is to come."""
    without = {
        *await shops.list_overdue(tx, now),
        *await reviews.list_reviewed(tx),
        *await THRESHOLDS.late_shops(tx),
        *await SHOPS.late_shops(tx),
    }
    return await lock_due(tx, "segments", now, limit, without)


async def turn_due(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Advance the tasks' customers to `now`."""
    known = await shops.get_shops_to_fold(tx, {task.shop for task in tasks})
    folded = await fold_due(tx, SegmentFolding(known), _keys(tasks), now)
    await tx.announce(folded.facts())
    return len(tasks)


async def count_due(tx: Transaction, now: datetime) -> int:
    """Months without figures, and who waits for something; customers that are due are counted elsewhere."""
    waiting = 0
    for name, shop in (await shops.read_shops(tx, await held.list_shops(tx))).items():
        waiting += len(await held.list_customers(tx, name, min(shop.pending_at, now), 1))
    late = await THRESHOLDS.late_shops(tx) + await SHOPS.late_shops(tx)
    return waiting + len(late) + len(await reviews.list_reviewed(tx)) + len(await shops.list_overdue(tx, now))


JOBS: tuple[Job | WorkList, ...] = (
    Job("figures", compute_figures),
    WorkList("settings", take_refolds(SHOPS, next_refolds), refold_by("settings")),
    WorkList("thresholds", take_refolds(THRESHOLDS, THRESHOLDS.next_refolds), refold_by("thresholds_known")),
    WorkList("held", take_held, fold_held),
    WorkList("reviews", take_reviewed, review, most=REVIEWED),
    WorkList("segments", take_due, turn_due),
)
