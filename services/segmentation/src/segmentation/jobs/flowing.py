"""The walk that counts where customers went, when a month is over; a portion in a transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.shops.imports import list_importing
from common.storage.database import Transaction
from common.time.calendar import add_months
from common.work.set_aside import Task
from segmentation.fold import read_shops
from segmentation.monthly_flows import rules, store
from segmentation.monthly_flows.correcting import first_open_day
from segmentation.monthly_flows.rules import Flow
from segmentation.shop_statistics.store import list_not_set_aside
from segmentation.shops.store import list_shops

FLOWS = "monthly_flows"
PORTION = 2_000
"""Customers counted in one transaction, in some 300 ms."""


async def list_uncounted(tx: Transaction, now: datetime) -> list[str]:
    """Shops of which a month is over and not counted, and has the statistics by which it ends.

    A shop that is counted for the first time waits until an import that is running ends.
    """
    walks, newest = await store.get_walks(tx), add_months(first_open_day(now), -1)
    names = [name for name in await list_shops(tx) if name not in walks or not _rests(walks[name], newest)]
    fresh = [name for name in names if name not in walks or walks[name].counted is None]
    importing = await list_importing(tx, fresh, now)
    found = []
    for name, shop in (await read_shops(tx, [name for name in names if name not in importing])).items():
        walk = walks.get(name)
        if walk is None or walk.upto is None:
            if shop.pending_at <= now or (walk is not None and walk.due_at is not None and walk.due_at > now):
                continue
            if walk is not None and walk.counted == rules.newest_whole(shop.settings.date_of(now)):
                continue
        found.append(name)
    return found


def _rests(walk: Row[Any], newest: date) -> bool:
    """Whether every month is counted that can be over in any zone."""
    return walk.upto is None and walk.counted is not None and walk.counted >= newest


async def take_uncounted(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The shops to count, each a task without a customer."""
    names = await list_not_set_aside(tx, await list_uncounted(tx, now), FLOWS)
    return [Task(name, "") for name in names] or None


async def count_flows(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One portion of the customers of each task's shop, over all its months that are not counted yet."""
    for task in tasks:
        shop = (await read_shops(tx, [task.shop]))[task.shop]
        today = shop.settings.date_of(now)
        walk = await store.lock_walk(tx, task.shop)
        if walk is None:
            await store.begin_walk(tx, task.shop, rules.earliest(today), rules.newest_whole(today))
            walk = await store.lock_walk(tx, task.shop)
        if walk is None:
            continue
        first = walk.since if walk.counted is None else add_months(walk.counted, 1)
        at = rules.borders(shop, first, walk.upto)
        portion, last = await store.list_portion(tx, task.shop, walk.after, PORTION)
        counts: Counter[Flow] = Counter()
        for sold in portion:
            counts.update(rules.flows_of(sold, at))
        await store.add_flows(tx, task.shop, counts)
        await store.save_walk(tx, task.shop, last)
    return len(tasks)
