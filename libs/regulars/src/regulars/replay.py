"""Replays a history through the stack, step by step on a set clock."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from regulars.client import Services, ask_settled

SWEPT = ("orders-ingest", "membership", "segmentation", "feedback", "messaging")
OPEN = ("lag", "outbox", "leases", "arriving")


class NotSettling(Exception):
    """Something stays open for minutes: a service is stuck; its log says why."""


@dataclass(slots=True)
class Replay:
    """Drives one stack through a history.

    `prepare(since, until)` puts out what must be known before the step's events (who the customers are), at the
    step's start; the events themselves come from an import job, which releases rows as the clocks pass them.
    """

    services: Services
    prepare: Callable[[datetime, datetime], Awaitable[bool]]
    patience_s: float = 300
    rounds: int = 0
    passes: int = 0
    swept: dict[str, int] = field(default_factory=dict)
    _last: dict[str, dict[str, int]] | None = None
    seconds: dict[str, float] = field(default_factory=dict)  # where the time went: by what was waited for

    async def step(self, since: datetime, until: datetime) -> None:
        """Move all clocks to the step's end with sweeps held; let the events in; settle; then sweep round by round."""
        with self._timed("customers"):
            if await self.prepare(since, until):
                await self.settle()
        with self._timed("events"):
            await self.services.everywhere("PUT", "/ops/clock", json={"now": until.isoformat()})
            await self.settle()
        while True:
            done = 0
            for name in SWEPT:
                with self._timed(f"sweep of {name}"):
                    answer = await self.services.call(name, "POST", "/ops/sweep")
                self.swept[name] = self.swept.get(name, 0) + answer["done"]
                done += answer["done"]
                if answer["done"]:
                    with self._timed(f"what {name} then announced"):
                        await self.settle()
            self.rounds += 1
            if not done:
                break
        with self._timed("last look"):
            await self.settle(due=True)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began

    async def settle(self, *, due: bool = False) -> None:
        """Wait until two passes one after the other see equal counters and nothing open.

        With `due` nothing may be due either; then the last pass before counts as the first, as nothing was sent since.
        """
        deadline = time.monotonic() + self.patience_s
        before = self._last if due else None
        while True:
            seen = await ask_settled(self.services, wait_s=5, due=due) or {}
            self.passes += 1
            still = {
                f"{name}.{what}": counters[what]
                for name, counters in seen.items()
                for what in (*OPEN, "due")
                if counters.get(what)
            }
            for counters in seen.values():
                counters.pop("due", None)  # asked for in some passes only
            if seen and not still and seen == before:
                self._last = seen
                return
            if time.monotonic() > deadline:
                raise NotSettling(f"still open after {self.patience_s:.0f} s: {still or 'counters keep moving'}")
            before = seen
