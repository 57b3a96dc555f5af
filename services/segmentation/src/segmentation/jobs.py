"""What does segmentation do when time passes, and when it is asked whether all is right?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from common.db import Transaction
from common.events import rfc3339
from common.fold import fold_all, fold_due, refold, same
from common.sweeps import Job
from segmentation.domain.figures import Shop
from segmentation.domain.segmentation import SegmentFolding
from segmentation.store import customers, figures


async def sweep(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite, of what comes first: figures that are due, customers folded without them, customers that are due.

    One job and not three: no customer may be swept past a month's start before the figures of it are stored, even
    when the month begins between two bites.
    """
    names = await figures.list_shops(tx)
    overdue = _overdue(await figures.read_shops(tx, names), now)
    if overdue:
        name, shop = overdue[0]
        await figures.insert_figures(tx, name, await figures.compute_figures(tx, name, shop.pending_month, shop.zone))
        return 1
    shops = await figures.get_shops_with_figures(tx, names)
    return await _refold_waiting(tx, shops, limit) or await _fold_due(tx, shops, now, limit)


async def _refold_waiting(tx: Transaction, shops: Mapping[str, Shop], limit: int) -> int:
    for name, shop in shops.items():
        if not shop.figures:
            continue
        newest = shop.figures[-1]
        waiting = await figures.lock_waiting(tx, name, newest.month, limit)
        if waiting:
            # Not the cause of the due of that day, which may have announced facts before the figures were known.
            cause = f"figures_known@{rfc3339(newest.as_of)}"
            folded = await refold(tx, SegmentFolding(shops), waiting, cause, newest.as_of)
            await tx.announce(folded.facts())
            return len(waiting)
    return 0


async def _fold_due(tx: Transaction, shops: Mapping[str, Shop], now: datetime, limit: int) -> int:
    folded = await fold_due(tx, SegmentFolding(shops), now, limit)
    await tx.announce(folded.facts())
    return len(folded.states)


async def count_due(tx: Transaction, now: datetime) -> int:
    """Months without figures and customers that wait for them; customers that are due are counted elsewhere."""
    shops = await figures.read_shops(tx, await figures.list_shops(tx))
    waiting = 0
    for name, shop in shops.items():
        if shop.figures:
            waiting += await figures.count_waiting(tx, name, shop.figures[-1].month)
    return waiting + len(_overdue(shops, now))


async def verify(tx: Transaction) -> list[str]:
    """Fold every customer anew from the stored inputs and figures; one line for each that differs.

    Customers that still wait for figures are due work, not differences, and are left out until they were swept.
    """
    shops = await figures.get_shops_with_figures(tx, await figures.list_shops(tx))
    folding = SegmentFolding(shops)
    differences = []
    for shop in shops:
        async for stored, inputs in customers.iterate_customers(tx, shop):
            anew, _, _ = fold_all(folding, inputs, stored.until, (shop, stored.customer))
            if not same(anew, stored.state):
                named = [name for name in type(anew).model_fields if getattr(anew, name) != getattr(stored.state, name)]
                differences.append(f"{shop}/{stored.customer}: {', '.join(named)} differ when folded anew")
    return differences


def _overdue(shops: Mapping[str, Shop], now: datetime) -> list[tuple[str, Shop]]:
    return [(name, shop) for name, shop in shops.items() if shop.pending_at <= now]


JOBS = (Job("segments", sweep),)
