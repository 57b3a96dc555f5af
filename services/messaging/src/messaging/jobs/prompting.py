"""Sweeps that come as soon as there is something to decide, before the regular one."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from common.process.runtime import Runtime
from common.storage.database import Database
from common.storage.failures import is_temporary
from common.work.sweeps import BATCH, WorkList, work
from messaging.jobs.deciding import decide_notices, take_due_notices

log = structlog.get_logger()


async def decide_notices_when(arrived: asyncio.Event, runtime: Runtime) -> None:
    """An order's notice waits neither for the regular sweep, which comes every second, nor for a round of it that is
    under way, nor for what is not read yet."""
    while not runtime.stopping.is_set():
        await _come(arrived)
        try:
            await decide_all_notices(runtime.database)
        except Exception as error:
            # The regular sweep finds the same rows due.
            log.warning("notices_not_decided", temporary=is_temporary(error), detail=repr(error)[:300])


async def sweep_when(arrived: asyncio.Event, runtime: Runtime) -> None:
    """A round of the sweep as soon as there is something to decide, beside the regular one of every second."""
    while not runtime.stopping.is_set():
        if not await _come(arrived):
            continue
        try:
            await runtime.sweeper.sweep(patiently=True)
        except Exception as error:
            # The regular sweep finds the same rows due.
            log.warning("prompt_sweep_failed", temporary=is_temporary(error), detail=repr(error)[:300])


async def _come(arrived: asyncio.Event) -> bool:
    """Whether something came within a second; what comes from here on counts anew."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(arrived.wait(), 1)
    came = arrived.is_set()
    arrived.clear()
    return came


async def decide_all_notices(database: Database) -> None:
    """Notices are decided however much is still to be read; what time decides waits for it."""
    # Under the name of the regular list: who was set aside there is set aside here, too.
    notices = WorkList("decide", take_due_notices, decide_notices)
    done: int | None = 1
    while done:
        async with database.transaction() as tx:
            done = await work(tx, notices, tx.clock.now(), BATCH)
