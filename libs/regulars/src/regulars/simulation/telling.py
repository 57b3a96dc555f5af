"""Tells a simulated shop's stream at the services' public doors: in batches, at a rate or as fast as they take it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Any

from regulars.simulation.course import Door, Said
from regulars.stack.errors import Refused

BATCH = 500
WITHIN = 8
"""So many requests are under way at most: batches of events, and single reviews and tickets."""
TRIES, TRIED_EVERY_S = 600, 0.2
"""Until feedback has read of a customer; a service that stands still ends the telling."""
SHOWN = 20
Call = Callable[..., Awaitable[Any]]
"""As `regulars.client.Services.call`: service, method, path and `json`; raises where the request is refused."""


class Telling:
    """`results` counts, by door, what became of what was told: accepted, duplicate, refused; `refusals` shows some."""

    def __init__(self, call: Call, shop: str, rate: float = 0.0) -> None:
        self._call, self._base, self._rate = call, f"/v1/shops/{shop}", rate
        self._room = asyncio.Semaphore(WITHIN)
        self.results: Counter[tuple[str, str]] = Counter()
        self.refusals: list[str] = []
        self.told = 0

    async def products(self, products: list[dict[str, Any]]) -> None:
        """Tell the catalogue before all else: lines take their names from it."""
        for start in range(0, len(products), BATCH):
            await self._post("products", {"products": products[start : start + BATCH]})

    async def all(self, stream: Iterator[Said]) -> None:
        """Tell all of it. At a rate (events a second) what is told keeps to it; else as fast as it is taken.

        Batches may overtake each other, which the services do not mind.
        """
        try:
            async with asyncio.TaskGroup() as running:
                await self._all(stream, running)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _all(self, stream: Iterator[Said], running: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        size = BATCH if not self._rate else max(1, min(BATCH, round(self._rate / 5)))
        while chunk := await asyncio.to_thread(_some, stream, size):
            await self._room.acquire()
            running.create_task(self._batch(chunk))
            for said in chunk:
                if said.door in ("reviews", "tickets"):
                    await self._room.acquire()
                    running.create_task(self._one(said.door, said.body))
            self.told += len(chunk)
            if self._rate:
                await asyncio.sleep(max(0.0, began + self.told / self._rate - loop.time()))

    async def _batch(self, chunk: list[Said]) -> None:
        try:
            if customers := [said.body for said in chunk if said.door == "customers"]:
                await self._post("customers", {"customers": customers})
            if events := [said.body for said in chunk if said.door == "events"]:
                await self._post("events", events)
        finally:
            self._room.release()

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
