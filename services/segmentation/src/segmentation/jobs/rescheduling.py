"""Due times computed anew for every buyer of a shop whose statistics or thresholds are new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.fold import SegmentFolding, folding_of
from segmentation.rescheduling import store as rescheduling

RESCHEDULED = 1_000
"""Customers whose due time is computed anew in one transaction, in some 50 ms."""


async def take_scheduled(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next buyers of a shop that is being rescheduled."""
    following = await rescheduling.lock_next(tx)
    if following is None:
        return None
    name, after, since = following
    shop = (await folding_of(tx, [name])).shops[name]
    settled_before = shop.settings.date_of(now) - timedelta(days=shop.settled_days)
    buyers, last = await rescheduling.list_page(tx, name, after, settled_before, limit)
    await rescheduling.save_cursor(tx, name, last)
    return [Task(name, customer, since.isoformat()) for customer in buyers]


async def reschedule(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Compute the due times of the tasks' customers; those that move are written, the others not even locked."""
    folding = await folding_of(tx, {task.shop for task in tasks})
    for name in sorted(folding.shops):
        mine = [task for task in tasks if task.shop == name]
        since = min(datetime.fromisoformat(task.what) for task in mine)
        page = await rescheduling.get_scheduled(tx, name, [task.customer for task in mine])
        dues = dict(moved(folding, page, since))
        if not dues:
            continue
        # Whoever was written since the page was read is asked again; of the others it is known.
        same, others = await rescheduling.lock_scheduled(tx, name, [each for each in page if each.customer in dues])
        found = [
            *((customer, due) for customer, due in dues.items() if customer in same),
            *moved(folding, others, since),
        ]
        if found:
            await rescheduling.save_dues(tx, name, found)
    return len(tasks)


def moved(
    folding: SegmentFolding, page: Sequence[rescheduling.Scheduled], since: datetime
) -> list[tuple[str, datetime | None]]:
    """The customers whose due time is another than the stored one, with the new one.

    The stored one knows all that folds read before `since`: nothing of that is looked at again, so that a customer of
    whom nothing is new for a year costs no more than one of yesterday, and no turn comes before it.
    """
    found = []
    for each in page:
        start, known = each.state.evaluated_at, folding.shops[each.state.shop].change_before(since)
        if start is not None and known is not None and (each.due_at is None or each.due_at > known):
            start = max(start, known)
        due = folding.due_after(each.state, start, since if each.due_at is None else min(since, each.due_at))
        at = due.at if due else None
        if at != each.due_at:
            found.append((each.customer, at))
    return found
