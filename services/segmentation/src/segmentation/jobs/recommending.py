"""Products counted anew each day for recommendations, shop by shop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.recommendations import store
from segmentation.recommendations.rules import LOOKED_BACK, count
from segmentation.shop_statistics.store import list_not_set_aside
from segmentation.shops.store import list_shops

PRODUCTS = "products"


async def take_uncounted(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop whose products are due to be counted, as a task without a customer."""
    shops, due = await list_shops(tx), await store.get_due_days(tx)
    settings = await get_shops(tx, set(shops))
    overdue = [shop for shop in shops if shop not in due or due[shop] <= settings[shop].date_of(now)]
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
        await store.save_products(tx, task.shop, today, len(baskets), products)
    return len(tasks)
