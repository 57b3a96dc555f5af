"""Products counted anew each day for recommendations, shop by shop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.recommendations import store
from segmentation.recommendations.rules import LOOKED_BACK, count
from segmentation.shop_statistics.store import list_not_set_aside
from segmentation.shops.store import list_shops

PRODUCTS = "products"
AGAIN, AGAIN_WITHOUT = timedelta(days=1), timedelta(days=30)
"""When products are counted again; later where baskets show none, and not where there was no basket yet."""
SOONEST = timedelta(minutes=10)
"""A shop that tells its history event by event is counted in its first second: soon again then, and later and later."""


async def take_uncounted(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop whose products are due to be counted, as a task without a customer."""
    overdue = await store.list_uncounted(tx, now, await list_shops(tx))
    for shop in await list_not_set_aside(tx, overdue, PRODUCTS):
        if await store.lock_model(tx, shop):
            return [Task(shop, "")]
    return None


async def count_products(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Count the products of the tasks' shops in the newest baskets before today."""
    settings = await get_shops(tx, {task.shop for task in tasks})
    for task in tasks:
        of_shop = settings[task.shop]
        today, currency = of_shop.date_of(now), of_shop.at(now).currency
        baskets = await store.get_baskets(tx, task.shop, today - LOOKED_BACK, today, currency)
        # In a thread, as it takes up to some seconds, and everything else of this process goes on meanwhile.
        products = await asyncio.to_thread(count, baskets, today)
        known = now - (await store.get_first(tx, task.shop) or now)
        due = of_shop.start_of(today + (AGAIN if products or not baskets else AGAIN_WITHOUT))
        due = min(due, now + max(SOONEST, known))
        await store.save_products(tx, task.shop, today, len(baskets), products, now, due)
    return len(tasks)
