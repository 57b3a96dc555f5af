"""Tells a simulated shop's stream at the services' public doors: in batches; at a rate, by the shop's clock, or as fast
as they take it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from math import inf
from typing import Any

from common.values.paths import part
from regulars.simulation.course import Door, Said
from regulars.stack.errors import Refused

BATCH = 500
WITHIN = 8
"""So many requests are under way at most: batches of events, and single reviews and tickets."""
TRIES, TRIED_EVERY_S = 600, 0.2
"""Until feedback has read of a customer; a service that stands still ends the telling."""
SHOWN = 20
TOLD_EVERY_S = 0.2
"""At a rate or by the shop's clock, what came up meanwhile is told together."""
Call = Callable[..., Awaitable[Any]]
"""As `regulars.client.Services.call`: service, method, path and `json`; raises where the request is refused."""


class Telling:
    """`results` counts, by door, what became of what was told: accepted, duplicate, refused; `refusals` shows some.

    `rate`: events a second. `speed`: each is told at its time, by a clock that goes so many times as fast and begins at
    `start`; what happened earlier is told at once. Of neither (0): all as fast as it is taken. `behind_s`: how late,
    by our clock, anything at most was answered that happened after the start.
    """

    def __init__(
        self, call: Call, shop: str, rate: float = 0.0, speed: float = 0.0, start: datetime | None = None
    ) -> None:
        """Raises ValueError for a speed without a start."""
        if speed and start is None:
            raise ValueError("a clock begins at an instant")
        self._call, self._base = call, f"/v1/shops/{part(shop)}"
        self._rate, self._speed, self._start = rate, speed, start
        self.behind_s, self._began = 0.0, inf
        self._room = asyncio.Semaphore(WITHIN)
        self.results: Counter[tuple[str, str]] = Counter()
        self.refusals: list[str] = []
        self.told = 0

    async def products(self, products: list[dict[str, Any]]) -> None:
        """Tell the catalogue before all else: lines take their names from it."""
        for start in range(0, len(products), BATCH):
            await self._post("products", {"products": products[start : start + BATCH]})

    async def all(self, stream: Iterator[Said]) -> None:
        """Tell all of it, at the rate or speed.

        Batches may overtake each other, which the services do not mind.
        """
        try:
            async with asyncio.TaskGroup() as running:
                await self._all(self._clocked(stream) if self._speed else self._counted(stream), running)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _all(self, chunks: AsyncIterator[list[Said]], running: asyncio.TaskGroup) -> None:
        async for chunk in chunks:
            await self._room.acquire()
            running.create_task(self._batch(chunk))
            for said in chunk:
                if said.door in ("reviews", "tickets"):
                    await self._room.acquire()
                    running.create_task(self._one(said.door, said.body))
            self.told += len(chunk)

    async def _counted(self, stream: Iterator[Said]) -> AsyncIterator[list[Said]]:
        """By number, at the rate if there is one."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        size = BATCH if not self._rate else max(1, min(BATCH, round(self._rate * TOLD_EVERY_S)))
        while chunk := await asyncio.to_thread(_some, stream, size):
            yield chunk
            if self._rate:
                await asyncio.sleep(max(0.0, began + self.told / self._rate - loop.time()))

    async def _clocked(self, stream: Iterator[Said]) -> AsyncIterator[list[Said]]:
        """Each when its time has come."""
        assert self._start is not None
        loop = asyncio.get_running_loop()
        following = await asyncio.to_thread(next, stream, None)
        while following is not None:
            if self._began == inf and following.at >= self._start:
                self._began = loop.time()
            now = self._start + timedelta(seconds=max(0.0, loop.time() - self._began) * self._speed)
            chunk, following = await asyncio.to_thread(_due, following, stream, now)
            if chunk:
                yield chunk
            if len(chunk) < BATCH:
                await asyncio.sleep(TOLD_EVERY_S)

    async def _batch(self, chunk: list[Said]) -> None:
        try:
            if customers := [said.body for said in chunk if said.door == "customers"]:
                await self._post("customers", {"customers": customers})
            if events := [said.body for said in chunk if said.door == "events"]:
                await self._post("events", events)
        finally:
            self._answered(chunk[0])
            self._room.release()

    def _answered(self, said: Said) -> None:
        """Note how late; of what happened before the clock began nothing is late."""
        if self._speed and self._start is not None and said.at >= self._start:
            due = self._began + (said.at - self._start).total_seconds() / self._speed
            self.behind_s = max(self.behind_s, asyncio.get_running_loop().time() - due)

    async def _post(self, door: str, body: Any) -> None:
        answer = await self._call("orders-ingest", "POST", f"{self._base}/{door}", json=body)
        for result in answer["results"]:
            self.results[door, result["status"]] += 1
            if result["status"] == "refused" and len(self.refusals) < SHOWN:
                self.refusals.append(f"{door} {result['id']}: {result['slug']}: {result['detail']}")

    async def _one(self, door: Door, body: dict[str, Any]) -> None:
        """A review or a ticket, once feedback has read of the customer."""
        try:
            for tries_left in reversed(range(TRIES)):
                try:
                    answer = await self._call("feedback", "POST", f"{self._base}/{door}", json=body)
                except Refused as refused:
                    if refused.slug != "unknown_customer" or not tries_left:
                        raise
                    await asyncio.sleep(TRIED_EVERY_S)
                    continue
                # Of a ticket nothing is said: the very same opens no other one.
                self.results[door, str(answer["status"]) if door == "reviews" else "taken"] += 1
                return
        finally:
            self._room.release()


def _some(stream: Iterator[Said], size: int) -> list[Said]:
    return list(islice(stream, size))


def _due(following: Said, stream: Iterator[Said], now: datetime) -> tuple[list[Said], Said | None]:
    """What is due by now, a batch at most, and what comes after it."""
    chunk: list[Said] = []
    after: Said | None = following
    while after is not None and after.at <= now and len(chunk) < BATCH:
        chunk.append(after)
        after = next(stream, None)
    return chunk, after
