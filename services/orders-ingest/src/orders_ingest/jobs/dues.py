"""What of orders falls due, swept: broken promises, reminders to confirm, completions by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.process.runtime import Runtime
from common.storage.database import Transaction
from common.work.set_aside import Task
from common.work.sweeps import Job, WorkList
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.settle_due import settle_due
from orders_ingest.jobs.erasing import erasing
from orders_ingest.jobs.journeys import MEASURING, PRUNING
from orders_ingest.jobs.keys import rewrapping
from orders_ingest.jobs.reading import PRUNING as PARTS
from orders_ingest.jobs.retaining import retaining
from orders_ingest.orders import store_due as store


def order_dues(vault: Vault) -> WorkList:
    """The orders of which something is due, each a task of its own."""

    async def do(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        return await settle_due(tx, vault, now, [(task.shop, task.what) for task in tasks])

    return WorkList(store.JOB, store.lock_due, do)


def jobs(runtime: Runtime) -> tuple[Job | WorkList, ...]:
    """All that the service's sweeper does."""
    kept = (PARTS, retaining(runtime), erasing(runtime), rewrapping(runtime.keys))
    return (order_dues(Vault(runtime.keys)), MEASURING, PRUNING, *kept)
