"""Monthly statistics of shops, and the inputs that were held for them.

No customer is folded past a month's start before the statistics of that month are stored: later inputs are held, and
what falls due waits. So what is announced as of an instant follows from what had happened by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from common.events.segments import Scoring
from common.fold.customers import fold_events
from common.shops.imports import list_importing
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.commands.statistics import save_statistics
from segmentation.fold import KEPT, folding_of, keep, note_late_orders, read_shops
from segmentation.held_inputs import store as held_inputs
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shop_statistics.store_late import get_late
from segmentation.shops.state import Shop, pending_month
from segmentation.shops.store import list_shops, lock_shops

STATISTICS, HELD = "statistics", "held"


async def list_overdue(tx: Transaction, now: datetime) -> list[str]:
    """Shops with customers whose next month has begun and has no statistics yet: nobody of theirs is turned until then.

    Those that import their history are among them, however long their statistics wait for it.
    """
    names = await list_shops(tx)
    newest = await shop_statistics.get_newest_months(tx, names)
    settings = await get_shops(tx, names)
    pending = {name: pending_month(settings[name], newest.get(name), now) for name in names}
    return [name for name, month in pending.items() if settings[name].start_of(month) <= now]


async def list_to_compute(tx: Transaction, now: datetime) -> list[str]:
    """Those of them whose statistics are computed now.

    The first ones of a shop, by which all its customers are judged, wait until an import that is running ends.
    """
    overdue = await list_overdue(tx, now)
    newest = await shop_statistics.get_newest_months(tx, overdue)
    importing = await list_importing(tx, [name for name in overdue if name not in newest], now)
    return [name for name in overdue if name not in importing]


async def take_overdue(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop whose month has begun, as a task without a customer; one process alone computes at any time."""
    overdue = await list_to_compute(tx, now)
    if not overdue or not await shop_statistics.try_to_compute(tx):
        return None  # another process computes; this one comes again in a second
    for name in await shop_statistics.list_not_set_aside(tx, overdue, STATISTICS):
        shop = (await read_shops(tx, [name]))[name]
        # What happened before the month is folded first.
        if not await held_inputs.list_customers(tx, name, shop.pending_at, 1):
            return [Task(name, "")]
    return None


async def compute_statistics(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One portion of the statistics of each task's shop; after the last one every customer is rescheduled."""
    if not await shop_statistics.try_to_compute(tx):
        return 0
    for task in tasks:
        shop = (await read_shops(tx, [task.shop]))[task.shop]
        if shop.pending_at > now:
            continue  # tried again after it was done
        computed = await next_portion(tx, task.shop, shop, shop.pending_month, shop.pending_at)
        if computed is not None:
            # Waits until nobody is folding.
            await lock_shops(tx)
            await save_statistics(tx, task.shop, *computed)
    return len(tasks)


class Counted(NamedTuple):
    """A month's statistics, and how many late orders had been noted when they were begun to be counted."""

    statistics: ShopStatistics
    late: int


async def next_portion(tx: Transaction, name: str, shop: Shop, month: date, as_of: datetime) -> Counted | None:
    """The next portion of the shop's customers for the month, by the thresholds and currency as of its start."""
    rfm, currency = shop.thresholds_at(as_of).rfm, shop.settings.at(as_of).currency
    scoring: Scoring = rfm.method if rfm.method != "fixed" else "mean"
    # Before the customers are read: what is noted by then is counted, and what is not is not lost.
    late = await get_late(tx, name, month)
    computed = await shop_statistics.compute_portion(
        tx, name, month, as_of, rfm.window_months, currency, scoring=scoring, late=late
    )
    return None if computed is None else Counted(computed, late)


async def take_held(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next customers with inputs that were held for statistics which are stored now."""
    for name, shop in (await read_shops(tx, await held_inputs.list_shops(tx))).items():
        found = await held_inputs.list_customers(tx, name, shop.pending_at, limit)
        if found:
            return [Task(name, customer) for customer in found]
    return None


async def fold_held(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Fold what was held of these customers, as far as the statistics go now."""
    keys = [(task.shop, task.customer) for task in tasks]
    await tx.lock_customers(keys)
    folding = await folding_of(tx, {task.shop for task in tasks})
    events = [e for e in await held_inputs.get_inputs(tx, KEPT, keys) if e.time < folding.shops[e.shop].pending_at]
    await held_inputs.release(tx, events)
    folded = await fold_events(tx, folding, events)
    # Whose held inputs fail is not waited for: their orders were not there when the month was counted.
    await note_late_orders(tx, folding.shops, folded.events)
    await keep(tx, folded)
    return len(tasks)


async def count_statistics(tx: Transaction, now: datetime) -> int:
    """Shops whose statistics are to be computed; without those that are set aside."""
    return len(await shop_statistics.list_not_set_aside(tx, await list_to_compute(tx, now), STATISTICS))


async def list_held(tx: Transaction, now: datetime) -> list[str]:
    """Shops of which somebody's held inputs can be folded."""
    shops = await read_shops(tx, await held_inputs.list_shops(tx))
    return [
        name for name, shop in shops.items() if await held_inputs.list_customers(tx, name, min(shop.pending_at, now), 1)
    ]
