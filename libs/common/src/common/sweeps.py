"""What does a service do when time passes? Small SKIP LOCKED bites of what is due, never a scan of every customer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from common.db import Database, Transaction
from common.failures import is_temporary

log = structlog.get_logger()
BITE = 200


@dataclass(frozen=True, slots=True)
class Job:
    """`bite(tx, now, limit)` does one bite of due work in its transaction and returns how many rows it did."""

    name: str
    bite: Callable[[Transaction, datetime, int], Awaitable[int]]


class Sweeper:
    """Runs the jobs in their order: on the wall clock every second, on a set clock only when asked."""

    def __init__(
        self,
        database: Database,
        jobs: Sequence[Job],
        *,
        behind: Callable[[], Awaitable[bool]],
        before: Callable[[Transaction], Awaitable[None]] | None = None,
        held: bool = False,
        every_s: float = 1.0,
    ) -> None:
        self._database = database
        self._jobs = tuple(jobs)
        self._behind = behind
        self._before = before
        self._every_s = every_s
        self._stopping = asyncio.Event()
        self.held = held
        self.done = 0

    async def run(self) -> None:
        while not self._stopping.is_set():
            if not self.held and not await self._is_behind():
                try:
                    await self.sweep(patiently=True)
                except Exception as error:
                    # A bite that failed was rolled back whole; the next round finds the same rows due.
                    log.warning("sweep_failed", temporary=is_temporary(error), detail=repr(error)[:500])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every_s)

    async def stop(self) -> None:
        self._stopping.set()

    async def sweep(self, *, patiently: bool = False) -> int:
        """One round: every job, bite after bite, until nothing is due; returns the rows done.

        `patiently`: the round ends early where the consumer falls behind meanwhile; what is left stays due.
        """
        total = 0
        for job in self._jobs:
            while not self._stopping.is_set():
                async with self._database.transaction() as tx:
                    if self._before is not None:
                        await self._before(tx)
                    done = await job.bite(tx, tx.clock.now(), BITE)
                total += done
                self.done += done
                if done == 0:
                    break
                if patiently and await self._is_behind():
                    return total
        return total

    async def _is_behind(self) -> bool:
        try:
            return await self._behind()
        except Exception:
            return True  # nobody is downgraded while we cannot know what is in the log
