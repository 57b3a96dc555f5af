"""What is known of the shops: zone, figures, thresholds, all that folds read beside a customer's inputs?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.shops.settings import get_shops, hold_shops
from common.storage.database import Transaction
from segmentation.shop_statistics.state import Figures
from segmentation.shops.state import Shop, pending_month, shop_with
from segmentation.thresholds.state import Version
from segmentation.thresholds.store import THRESHOLDS

_LOCK = 7_301_005


async def get_shops_to_fold(tx: Transaction, shops: Iterable[str]) -> dict[str, Shop]:
    """The shops as folds need them. Until this transaction ends no new figures and thresholds are committed.

    So who folds knows all there is, or commits before something is stored, and then is found by the review.
    """
    # Shared by all who fold; `lock_shops` takes it alone.
    await tx.execute("select pg_advisory_xact_lock_shared(:lock)", lock=_LOCK)
    await hold_shops(tx)
    return await read_shops(tx, shops)


async def lock_shops(tx: Transaction) -> None:
    """Wait until nobody folds, and let nobody begin before the commit: what folds read is about to change.

    Not in a transaction that has folded: two that hold the lock shared would wait for each other.
    """
    # The counterpart of the shared lock.
    await tx.execute("select pg_advisory_xact_lock(:lock)", lock=_LOCK)


async def read_shops(tx: Transaction, shops: Iterable[str]) -> dict[str, Shop]:
    """The shops as they stand now; more may be stored meanwhile, so not for folding."""
    wanted = sorted(set(shops))
    settings = await get_shops(tx, set(wanted))
    # All figures of the shops, oldest first.
    rows = await tx.fetch(
        """
        select shop, month, as_of, gaps, median_gap_doubled, buyers, recency_sum, frequency_sum,
               cast(monetary as text) as monetary, window_months
        from shop_figures where shop = any(:shops) order by shop, month
        """,
        shops=wanted,
    )
    figures: dict[str, list[Figures]] = {shop: [] for shop in wanted}
    for row in rows:
        figures[row.shop].append(_figures(row))
    now, found = tx.clock.now(), {}
    for shop, stored in (await THRESHOLDS.read(tx, wanted)).items():
        versions = [Version(v.valid_from, v.number, v.body) for v in stored]
        found[shop] = shop_with(settings[shop], figures[shop], now, versions)
    return found


async def list_overdue(tx: Transaction, now: datetime) -> list[str]:
    """Shops with customers whose next month has begun and has no figures yet."""
    names = await list_shops(tx)
    settings = await get_shops(tx, names)
    # The newest month of each, by the primary key.
    rows = await tx.fetch(
        "select shop, max(month) as month from shop_figures where shop = any(:shops) group by shop", shops=names
    )
    newest = {row.shop: row.month for row in rows}
    pending = {name: pending_month(settings[name], newest.get(name), now) for name in names}
    return [name for name, month in pending.items() if settings[name].start_of(month) <= now]


async def list_shops(tx: Transaction) -> list[str]:
    """Every shop that has a customer."""
    # Hops from shop to shop along the primary key instead of reading every customer.
    rows = await tx.fetch(
        """
        with recursive found as (
            (select shop from customers order by shop limit 1)
            union all
            select (select c.shop from customers c where c.shop > found.shop order by c.shop limit 1)
            from found where found.shop is not null
        )
        select shop from found where shop is not null
        """
    )
    return [row.shop for row in rows]


def monetary(stored: str) -> dict[str, tuple[int, int]]:
    """Currency to (sum in minor units, buyers), from its stored form."""
    return {currency: (int(total), int(count)) for currency, (total, count) in orjson.loads(stored).items()}


def _figures(row: Row[Any]) -> Figures:
    return Figures(
        month=row.month,
        as_of=row.as_of,
        gaps=row.gaps,
        median_gap_doubled=row.median_gap_doubled,
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=monetary(row.monetary),
        window_months=row.window_months,
    )
