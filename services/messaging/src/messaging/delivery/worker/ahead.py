"""What is sent next, leased and written while others are being handed off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from common.storage.failures import is_temporary
from messaging.delivery.state import Ready

log = structlog.get_logger()
REST_S = 1.0
"""After a failure; as the desk rests after one of its own."""


class Ahead:
    """One lease at a time, beside the desk's own transactions."""

    def __init__(self, lease: Callable[[], Coroutine[Any, Any, list[Ready]]], arrived: Callable[[], None]) -> None:
        """`lease` leases in a transaction of its own; `arrived` is called when it is done, well or not."""
        self._lease = lease
        self._arrived = arrived
        self._coming: asyncio.Task[list[Ready]] | None = None
        self._rests_until = 0.0

    @property
    def under_way(self) -> bool:
        return self._coming is not None

    def begin(self) -> None:
        """Lease, unless that is under way, or failed a moment ago."""
        if self._coming is None and asyncio.get_running_loop().time() >= self._rests_until:
            self._coming = asyncio.create_task(self._lease(), name="lease-ahead")
            self._coming.add_done_callback(lambda _: self._arrived())

    async def receive(self, *, wait: bool) -> list[Ready]:
        """What has been leased since; with `wait` also what is under way. After a failure nothing."""
        coming = self._coming
        if coming is None or not (wait or coming.done()):
            return []
        self._coming = None
        try:
            return await coming
        except Exception as error:
            # What was leased was rolled back with it; the desk leases by itself.
            self._rests_until = asyncio.get_running_loop().time() + REST_S
            log.warning("not_leased_ahead", temporary=is_temporary(error), detail=repr(error)[:300])
            return []

    def give_up(self) -> None:
        """At a rough end: what was leased is free when its lease ends."""
        if self._coming is not None:
            self._coming.cancel()
