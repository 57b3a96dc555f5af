"""The alarm of complaints by customers with the green channel: a metric, and a staff task a month (FBK-033)."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.crypto.keys import KeyRing
from common.process.runtime import Runtime
from common.shops.settings import ShopSettings, find_shops
from common.storage.database import Database
from common.storage.failures import passes
from feedback.commands.tasks import request_task
from feedback.metrics import VIP_DISPUTES
from feedback.policy.state import in_force
from feedback.policy.store import get_versions
from feedback.tasks.rules import NewTask
from feedback.tasks.store import TASKS
from feedback.tickets.disputes import Disputes, count, list_shops

EVERY_S = 300.0


async def watch_shop(database: Database, keys: KeyRing, shop: str, settings: ShopSettings) -> Disputes:
    """Count the shop's disputes; the first time in a month that there are too many, a task says so, once."""
    async with database.transaction() as tx:
        now = tx.clock.now()
        policy = in_force((await get_versions(tx, [shop]))[shop], now).policy.tickets
        found = await count(tx, shop, policy, now)
        if found.over:
            month = now.astimezone(settings.at(now).zone).strftime("%Y-%m")
            task = _task(f"vip-disputes-{month}", found, now)
            if await TASKS.get(tx, shop, task.task_id) is None:
                await request_task(tx, keys, shop, None, task)
    return found


def _task(task_id: str, found: Disputes, now: datetime) -> NewTask:
    title = (
        f"Customers with the green channel complain too often: {found.disputes} of {found.orders} orders, "
        f"{found.per_mille} per mille, limit {found.limit}"
    )
    return NewTask(task_id, "other", title, due_at=now + timedelta(days=3), requested_by="feedback")


async def watch_disputes(runtime: Runtime) -> None:
    """Every five minutes, until the process stops; a database that is away leaves the metric as it was."""
    while not runtime.stopping.is_set():
        try:
            async with runtime.database.transaction() as tx:
                shops = await find_shops(tx, await list_shops(tx))
            for shop, settings in shops.items():
                found = await watch_shop(runtime.database, runtime.keys, shop, settings)
                VIP_DISPUTES.labels(shop).set((found.per_mille or 0) / found.limit)
        except Exception as error:
            if not passes(error):
                raise
        await runtime.idle(EVERY_S)
