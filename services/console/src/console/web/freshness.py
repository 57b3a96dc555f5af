"""Which services are catching up, so that what they say is old; asked now and then, never waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

EVERY_S, MANY = 20.0, 2_000
"""So many unread events are a full poll of one process: a service with more is catching up, and holds its sweeps."""
Lags = Mapping[str, int]


class Freshness:
    """The last answer about lags. Pages are drawn from it, and have it asked for again once it is old."""

    def __init__(self, ask: Callable[[], Awaitable[Lags]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asked = -EVERY_S
        self._task: asyncio.Task[None] | None = None
        self.unread: dict[str, int] = {}
        """Events that are not read yet, by service; of one that did not answer nothing."""

    @property
    def behind(self) -> dict[str, int]:
        """Those that are catching up alone."""
        return {name: lag for name, lag in self.unread.items() if lag > MANY}

    def look(self) -> None:
        """Ask again, in the background, where the answer is old."""
        if self._task is None and self._clock() - self._asked >= EVERY_S:
            self._asked = self._clock()
            self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        try:
            self.unread = dict(await self._ask())
        finally:
            self._task = None

    async def close(self) -> None:
        """Wait for a question that is under way."""
        if (task := self._task) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
