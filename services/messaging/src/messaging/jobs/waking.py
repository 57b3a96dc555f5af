"""NOTIFY, heard on a session of its own, wakes the sweep and the senders before their next look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from common.storage.database import Database
from common.storage.failures import is_temporary, passes
from messaging.delivery.store import queue

log = structlog.get_logger()


LOOK_EVERY_S = 0.5


async def listen(database: Database, wakes: Mapping[str, Callable[[str], None]], stopping: asyncio.Event) -> None:
    """Call `wakes[name]` with the payload at every notification until `stopping`; a lost session is opened anew.

    Only a shortcut: what a lost notification announced is found by the next regular look.
    """

    def heard(_connection: Any, _pid: int, name: str, payload: str) -> None:
        wakes[name](payload)

    while not stopping.is_set():
        try:
            async with database.engine.connect() as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                raw = await connection.get_raw_connection()
                driver: Any = raw.driver_connection
                try:
                    for name in wakes:
                        await driver.add_listener(name, heard)
                    while not stopping.is_set() and not driver.is_closed():
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stopping.wait(), 1)
                finally:
                    # A session that went back to the pool would go on listening.
                    await connection.invalidate()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("listener_lost", detail=repr(error)[:300])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1)


async def look(database: Database, wake: Callable[[str], None], stopping: asyncio.Event) -> None:
    """Call `wake` with each channel on which messages are queued, twice a second until `stopping`.

    One question for all senders: what is due again, or whose notification was lost, waits no longer than before.
    """
    while not stopping.is_set():
        try:
            async with database.transaction() as tx:
                for channel in await queue.channels_queued(tx):
                    wake(channel)
        except Exception as error:
            # Each sender looks for itself too, less often.
            log.warning("not_looked", temporary=is_temporary(error), detail=repr(error)[:300])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), LOOK_EVERY_S)
