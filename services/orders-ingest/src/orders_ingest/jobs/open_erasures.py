"""Erasures that not every service has confirmed, as metrics; counted once a minute (SEC-006)."""

from __future__ import annotations

from datetime import datetime

from common.events.topics import SERVICES
from common.process.runtime import Runtime
from common.storage.database import Transaction
from common.storage.failures import passes
from orders_ingest.erasure import store
from orders_ingest.metrics import ERASURES_OLDEST, ERASURES_OPEN

EVERY_S = 60.0


async def count_open(tx: Transaction, now: datetime) -> None:
    """Set the metrics."""
    number, since = await store.get_open(tx, len(SERVICES))
    ERASURES_OPEN.set(number)
    ERASURES_OLDEST.set(max(0.0, (now - since).total_seconds()) if since is not None else 0)


async def watch_erasures(runtime: Runtime) -> None:
    """Count every minute, until the process stops; a database that is away leaves the metrics as they were."""
    while not runtime.stopping.is_set():
        try:
            async with runtime.database.transaction() as tx:
                await count_open(tx, tx.clock.now())
        except Exception as error:
            if not passes(error):
                raise
        await runtime.idle(EVERY_S)
