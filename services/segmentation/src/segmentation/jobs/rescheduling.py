"""Every buyer of a shop whose statistics or thresholds are new is looked at: who is changed by them is folded at once,
and of whom they move the due time it is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from common.fold.customers import fold_working
from common.fold.folding import Due
from common.fold.working import Working
from common.storage.database import Transaction
from common.storage.failures import is_temporary, is_too_slow, where
from common.work.set_aside import Task
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding, folding_of, keep
from segmentation.jobs.waiting import SEGMENTS, list_waiting
from segmentation.rescheduling import store as rescheduling
from segmentation.rescheduling.store import Scheduled
from segmentation.shops.store import share_shops

log = structlog.get_logger()
RESCHEDULED = 1_000
"""Customers who are looked at in one transaction."""


async def take_scheduled(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next buyers of a shop that is being rescheduled."""
    # Before the row is locked: who stores new statistics waits for all that fold, and then for this row.
    await share_shops(tx)
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
    """Look at the tasks' customers, and write those alone who differ or are due at another time.

    Who differs already is folded up to `now`, as the sweep would do that comes to them next; not where their shop's
    sweep waits for something else that evaluates all of them, and not who has inputs that are held. Where one of them
    cannot be folded all are left to the sweep, which comes to a few at a time and sets aside whom it must: done one by
    one here, they would hold the locks of the whole page for a minute.
    """
    folding = await folding_of(tx, {task.shop for task in tasks})
    waiting = await list_waiting(tx, now)
    for name in sorted(folding.shops):
        mine = [task for task in tasks if task.shop == name]
        since = min(datetime.fromisoformat(task.what) for task in mine)
        page = await rescheduling.get_scheduled(tx, name, [task.customer for task in mine])
        found = moved(folding, page, since)
        if not found:
            continue
        # Whoever was written since the page was read is asked again; of the others it is known.
        locked = await rescheduling.lock_scheduled(tx, name, [each for each, _ in found], SEGMENTS, now)
        found = [
            *((each, due) for each, due in found if each.customer in locked.same),
            *moved(folding, locked.others, since),
        ]
        found.sort(key=lambda pair: pair[0].customer)
        ready, later = list[Working[CustomerState]](), list[tuple[str, datetime | None]]()
        for each, due in found:
            if due is not None and due.at <= now and name not in waiting and each.customer not in locked.apart:
                ready.append(Working(each.row, each.state, asked=(due,)))
            else:
                later.append((each.customer, due.at if due is not None else None))
        if ready and not await _folded(tx, folding, ready, now):
            later = [(each.customer, due.at if due is not None else None) for each, due in found]
        if later:
            await rescheduling.save_dues(tx, name, later)
    return len(tasks)


async def _folded(
    tx: Transaction, folding: SegmentFolding, ready: Sequence[Working[CustomerState]], now: datetime
) -> bool:
    """Fold them; False, and nothing is done, where one cannot be."""
    try:
        async with tx.savepoint():
            await keep(tx, await fold_working(tx, folding, ready, now))
    except Exception as error:
        if is_temporary(error) or is_too_slow(error):
            raise
        log.warning("left_to_the_sweep", customers=len(ready), detail=where(error))
        return False
    return True


def moved(folding: SegmentFolding, page: Sequence[Scheduled], since: datetime) -> list[tuple[Scheduled, Due | None]]:
    """The customers of whom something else is due than what is stored, or at another time, with what it is.

    The stored time knows all that folds read before `since`: nothing of that is looked at again, so that a customer of
    whom nothing is new for a year costs no more than one of yesterday, and no turn comes before it.
    """
    found = []
    before = {name: shop.change_before(since) for name, shop in folding.shops.items()}
    for each in page:
        stored, start, known = each.row.due_at, each.state.evaluated_at, before[each.row.key[0]]
        if start is not None and known is not None and (stored is None or stored > known):
            start = max(start, known)
        due = folding.due_after(each.state, start, since if stored is None else min(since, stored))
        if (due.at if due is not None else None) != stored:
            found.append((each, due))
    return found
