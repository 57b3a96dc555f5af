"""Uses of keys that are no line of the log each: counted, and told once a minute (SEC-004)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from common.process.logs import record

EVERY_S = 60.0


class Uses:
    """How often each key used each scope in each shop since it was told last. A process that is killed has told nothing
    of its last minute."""

    def __init__(self) -> None:
        self._counted: Counter[tuple[str, str, str]] = Counter()

    def count(self, key: str, scope: str, shop: str) -> None:
        """One use; `shop` is '' where the path names none."""
        self._counted[key, scope, shop] += 1

    def tell(self) -> None:
        """A line of the log for each key, scope and shop, whatever else is logged."""
        counted, self._counted = self._counted, Counter()
        for (key, scope, shop), uses in sorted(counted.items()):
            record("key_uses", key=key, scope=scope, shop=shop, uses=uses)

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), EVERY_S)
            self.tell()
