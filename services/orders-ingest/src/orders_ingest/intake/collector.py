"""Group commit: single requests are collected while the transaction before commits, and share the next one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from common.refusals import NotNow
from common.storage.database import Database
from common.storage.failures import is_temporary
from orders_ingest.archive.vault import Vault
from orders_ingest.intake.state import Offered, Outcome
from orders_ingest.intake.take import take

log = structlog.get_logger()
MOST = 500
WAITING = 5_000
WITHIN_S = 10.0


class NotStored(NotNow):
    """Never 2xx for what is not durable. The event may still have been stored: sending it again is safe."""

    def __init__(self, detail: str = "The event could not be stored now; send it again with the same id.") -> None:
        super().__init__("not_stored", detail)


@dataclass(slots=True)
class _Waiting:
    offered: Offered
    answer: asyncio.Future[Outcome]


class Collector:
    """One worker; each waiter gets its own outcome once the transaction that holds its event has committed."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING)
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, offered: Offered) -> Outcome:
        """Take one event. Raises NotStored after 10 s, or at once when too many wait already."""
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="collector")
        waiting = _Waiting(offered, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise NotStored("Too many events wait to be stored; slow down, or send batches.") from None
        try:
            async with asyncio.timeout(WITHIN_S):
                return await waiting.answer
        except TimeoutError:
            raise NotStored from None

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < MOST and not self._queue.empty():
                group.append(self._queue.get_nowait())
            # A caller who gave up (a deadline, a closed connection) knows that nothing is sure: the event is left out.
            await self._store([w for w in group if not w.answer.done()])

    async def _store(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self._database.run(lambda tx: take(tx, self._vault, [w.offered for w in group]))
        except Exception as error:
            await self._failed(group, error)
            return
        for waiting, outcome in zip(group, outcomes, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(outcome)

    async def _failed(self, group: list[_Waiting], error: Exception) -> None:
        log.warning("group_failed", events=len(group), temporary=is_temporary(error), detail=repr(error)[:500])
        if len(group) > 1 and not is_temporary(error):
            # One event's fault is not the others': each stands alone now.
            for waiting in group:
                await self._store([waiting])
            return
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_exception(NotStored())
