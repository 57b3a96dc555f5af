"""NOTIFY, heard on a session of its own, wakes the sweep and the sender before their next look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from common.storage.database import Database
from common.storage.failures import passes

log = structlog.get_logger()


async def listen(database: Database, wakes: Mapping[str, Callable[[], None]], stopping: asyncio.Event) -> None:
    """Call `wakes[channel]` at every notification until `stopping`; a lost session is opened anew.

    Only a shortcut: what a lost notification announced is found by the next regular look.
    """

    def heard(_connection: Any, _pid: int, channel: str, _payload: str) -> None:
        wakes[channel]()

    while not stopping.is_set():
        try:
            async with database.engine.connect() as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                raw = await connection.get_raw_connection()
                driver: Any = raw.driver_connection
                try:
                    for channel in wakes:
                        await driver.add_listener(channel, heard)
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
