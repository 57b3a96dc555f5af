"""The job of every service that removes what need not be kept: one process at a time, some rows at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from common import metrics
from common.bus import retention
from common.process.settings import Settings
from common.storage import traces
from common.storage.database import Database, Transaction

log = structlog.get_logger()
EVERY_S = 600.0
AGAIN_S = 60.0
"""After a failure: a lock that was not had, a database that is away, a right that is missing."""


class Pruner:
    """Removes what the settings say, round after round; no claims where `keeps_claims`."""

    def __init__(self, database: Database, settings: Settings, *, keeps_claims: bool = False) -> None:
        self._database = database
        self._outbox = timedelta(days=settings.outbox_days)
        self._inbox = None if keeps_claims else timedelta(days=settings.inbox_days)
        self._dead = timedelta(days=settings.dead_days)
        self._stopping = asyncio.Event()
        self._alone = True
        """Whether no other process has pruned during this round."""

    async def run(self) -> None:
        """Until `stop`. What cannot be done now is done later; nothing waits for it, whatever it is that fails."""
        while not self._stopping.is_set():
            wait = EVERY_S
            try:
                await self.prune()
            except Exception as error:
                wait = AGAIN_S
                log.warning("pruning_failed", reason=type(error).__name__, detail=str(error)[:300])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    async def stop(self) -> None:
        self._stopping.set()

    async def prune(self) -> None:
        """One round, of which another process that prunes meanwhile leaves nothing. Raises what the database raises, a
        lock that was not had included; all before it is done."""
        self._alone = True
        await self._outbox_by_day()
        if self._inbox is not None:
            await self._some("inbox", retention.forget_claims, self._inbox)
        await self._some("dead_events", retention.forget_bodies, self._dead)
        await self._some("traces", traces.forget, traces.KEPT)
        if self._alone:
            metrics.PRUNED_AT.set(time.time())

    async def _outbox_by_day(self) -> None:
        async with self._database.transaction() as tx:
            slots = await retention.slots_to_empty(tx, self._outbox)
        for slot in slots:
            async with self._database.transaction() as tx:
                emptied = await retention.hold(tx) and await retention.empty_slot(tx, slot, self._outbox)
            if emptied:
                metrics.OUTBOX_EMPTIED.inc()
                log.info("outbox_partition_emptied", slot=slot)
            else:
                await self._some("outbox", partial(retention.delete_published, slot=slot), self._outbox)

    async def _some(
        self, table: str, work: Callable[[Transaction, timedelta], Awaitable[int]], keep: timedelta
    ) -> None:
        """Page after page, each a transaction, until one finds nothing or another process prunes."""
        while not self._stopping.is_set():
            async with self._database.transaction() as tx:
                held = await retention.hold(tx)
                done = await work(tx, keep) if held else 0
            self._alone = self._alone and held
            if not done:
                return
            metrics.PRUNED.labels(table).inc(done)
