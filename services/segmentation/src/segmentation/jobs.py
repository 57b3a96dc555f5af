"""What does segmentation do when time passes, and when it is asked whether all is right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from common.db import Transaction
from common.events import rfc3339
from common.fold import fold_all, fold_due, lock_due, refold, same
from common.shops import SHOPS, next_refolds
from common.sweeps import Job
from segmentation.domain.segmentation import SegmentFolding
from segmentation.domain.shop import Shop
from segmentation.store import customers, figures, reviews, shops
from segmentation.store.thresholds import THRESHOLDS

REVIEWED = 1_000
"""Customers whose due time is computed anew in one bite, in some 50 ms."""


async def sweep(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite, of what comes first: figures that are due, customers folded without them or without thresholds,
    customers whose due time they may have changed, customers that are due.

    One job and not several: no customer may be swept past a month's start before the figures of it are stored, even
    when the month begins between two bites.
    """
    names = await shops.list_shops(tx)
    if _overdue(await shops.read_shops(tx, names), now):
        return await _compute(tx, names, now)
    known = await shops.get_shops_to_fold(tx, names)
    return (
        await _refold_by_settings(tx, known, now, limit)
        or await _refold_late(tx, known, limit)
        or await _refold_waiting(tx, known, limit)
        or await _review(tx, known, now)
        or await _fold_due(tx, known, now, limit)
    )


async def _compute(tx: Transaction, names: list[str], now: datetime) -> int:
    if not await figures.try_to_compute(tx):
        return 0  # another process does; this one comes again in a second
    overdue = _overdue(await shops.read_shops(tx, names), now)
    if overdue:
        name, shop = overdue[0]
        computed = await figures.compute_portion(tx, name, shop)
        if computed is not None:
            await figures.insert_figures(tx, name, computed)
    return 1


async def _refold_by_settings(tx: Transaction, known: Mapping[str, Shop], now: datetime, limit: int) -> int:
    """Customers of a shop whose zone or currency has changed."""
    version, keys = await next_refolds(tx, limit)
    if version is None:
        return 0
    # Dated when the version came into force: what it changes was so from then on.
    at = min(version.valid_from, now)
    folded = await refold(tx, SegmentFolding(known), keys, f"settings@{version.number}", at)
    await tx.announce(folded.facts())
    await SHOPS.save_progress(tx, version, keys, limit)
    return max(1, len(keys))


async def _refold_late(tx: Transaction, known: Mapping[str, Shop], limit: int) -> int:
    """Customers who were folded without a version of the thresholds that a rebuild met late."""
    version, keys = await THRESHOLDS.next_refolds(tx, limit)
    if version is None:
        return 0
    # Dated when the version came into force: what it changes was so from then on.
    folded = await refold(tx, SegmentFolding(known), keys, f"thresholds_known@{version.number}", version.valid_from)
    await tx.announce(folded.facts())
    await THRESHOLDS.save_progress(tx, version, keys, limit)
    return max(1, len(keys))


async def _refold_waiting(tx: Transaction, known: Mapping[str, Shop], limit: int) -> int:
    for name, shop in known.items():
        if not shop.figures:
            continue
        newest = shop.figures[-1]
        waiting = await figures.lock_waiting(tx, name, newest.month, limit)
        if waiting:
            # Not the cause of the due of that day, which may have announced facts before the figures were known.
            cause = f"figures_known@{rfc3339(newest.as_of)}"
            folded = await refold(tx, SegmentFolding(known), waiting, cause, newest.as_of)
            await tx.announce(folded.facts())
            return len(waiting)
    return 0


async def _review(tx: Transaction, known: Mapping[str, Shop], now: datetime, limit: int = REVIEWED) -> int:
    """Whom do new figures or thresholds change, and when? Reads every buyer, writes those whose due time moves."""
    under_review = await reviews.next_review(tx)
    if under_review is None:
        return 0
    name, after = under_review
    # A shop may have thresholds and no customer yet.
    known = known if name in known else await shops.read_shops(tx, [name])
    shop, folding = known[name], SegmentFolding(known)
    settled_before = shop.settings.date_of(now) - timedelta(days=shop.settled_days)
    page, last = await reviews.read_page(tx, name, after, settled_before, limit)
    suspects = [customer for customer, _ in _moved(folding, page)]
    moved = _moved(folding, await reviews.lock_reviewed(tx, name, suspects)) if suspects else []
    await reviews.save_review(tx, name, moved, last)
    return max(1, len(moved))


def _moved(folding: SegmentFolding, page: Sequence[reviews.Reviewed]) -> list[tuple[str, datetime | None]]:
    """Whose due time is another than the stored one, and which."""
    dues = ((each, folding.next_due(each.state)) for each in page)
    return [(each.customer, due.at if due else None) for each, due in dues if (due.at if due else None) != each.due_at]


async def _fold_due(tx: Transaction, known: Mapping[str, Shop], now: datetime, limit: int) -> int:
    keys = [(task.shop, task.customer) for task in await lock_due(tx, "segments", now, limit) or ()]
    folded = await fold_due(tx, SegmentFolding(known), keys, now)
    await tx.announce(folded.facts())
    return len(folded.states)


async def count_due(tx: Transaction, now: datetime) -> int:
    """Months without figures, customers and shops that wait for them; customers that are due are counted elsewhere."""
    known = await shops.read_shops(tx, await shops.list_shops(tx))
    waiting = 0
    for name, shop in known.items():
        if shop.figures:
            waiting += await figures.count_waiting(tx, name, shop.figures[-1].month)
    late = await THRESHOLDS.late_shops(tx) + await SHOPS.late_shops(tx)
    unmet = len(late) + await reviews.count_reviews(tx)
    return waiting + unmet + len(_overdue(known, now))


async def verify(tx: Transaction) -> list[str]:
    """Fold every customer anew from the stored inputs, figures and thresholds; one line for each that differs.

    Customers that still wait for figures are due work, not differences, and are left out until they were swept.
    """
    known = await shops.get_shops_to_fold(tx, await shops.list_shops(tx))
    folding = SegmentFolding(known)
    differences = []
    for shop in known:
        async for stored, inputs in customers.iterate_customers(tx, shop):
            anew, _, _ = fold_all(folding, inputs, stored.until, (shop, stored.customer))
            if not same(anew, stored.state):
                named = [name for name in type(anew).model_fields if getattr(anew, name) != getattr(stored.state, name)]
                differences.append(f"{shop}/{stored.customer}: {', '.join(named)} differ when folded anew")
    return differences


def _overdue(known: Mapping[str, Shop], now: datetime) -> list[tuple[str, Shop]]:
    return [(name, shop) for name, shop in known.items() if shop.pending_at <= now]


JOBS = (Job("segments", sweep),)
