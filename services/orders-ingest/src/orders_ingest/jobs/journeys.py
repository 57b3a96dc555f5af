"""Ways to orders, swept: measured when something of them is new, forgotten when nothing will be measured by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.storage.database import Transaction
from common.work.set_aside import Task
from common.work.sweeps import Job, WorkList
from orders_ingest.commands.measure_journeys import measure_journeys
from orders_ingest.journeys import store


async def _measure(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    return await measure_journeys(tx, [(task.shop, task.what) for task in tasks])


MEASURING = WorkList(store.JOB, store.lock_due, _measure)
PRUNING = Job("behaviour_days", store.prune)
