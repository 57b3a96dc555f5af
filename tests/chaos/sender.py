"""A shop tells its events: in singles and batches, on several connections, until each is answered or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from chaos.answers import ACKED, FAILED, UNKNOWN
from chaos.door import GIVE_UP_SHARE, Door
from chaos.workload import Sending, Workload

BATCH, SINGLE = "application/cloudevents-batch+json", "application/cloudevents+json"
_CONNECTIONS = 12


class Sender:
    """Sends a workload's events through the door of orders-ingest."""

    def __init__(self, door: Door, workload: Workload) -> None:
        self._door, self._workload = door, workload

    async def run(self) -> None:
        """Until every event has been sent and answered, or its sender gave up."""
        queue: asyncio.Queue[list[Sending]] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work(queue)) for _ in range(_CONNECTIONS)]
            for portion in self._portions():
                await queue.put(portion)
            await queue.join()
            for worker in workers:
                worker.cancel()

    def _portions(self) -> list[list[Sending]]:
        """Singles and batches of 2 to 25, in order of time; what is to be refused goes alone or among others."""
        left, portions = list(self._workload.sendings), list[list[Sending]]()
        while left:
            size = 1 if self._door.rng.random() < 0.6 else self._door.rng.randrange(2, 26)
            portions.append(left[:size])
            del left[:size]
        return portions

    async def _work(self, queue: asyncio.Queue[list[Sending]]) -> None:
        while True:
            portion = await queue.get()
            await self._door.until(portion[-1].at / self._workload.duration_s)
            await self.tell(portion)
            queue.task_done()

    async def tell(self, portion: Sequence[Sending]) -> None:
        """Tell these in one request until it is answered or given up; what is answered is noted."""
        bodies = [t.body for t in portion]
        several = len(bodies) > 1
        wait = 0.3
        gives_up = self._door.rng.random() < GIVE_UP_SHARE
        while True:
            answer = await self._door.send(
                "orders-ingest", "/v1/events", bodies if several else bodies[0], kind=BATCH if several else SINGLE
            )
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                self._noted(portion, answer)
                return
            if answer is None or answer.status_code != 429:
                for sending in portion:
                    self._door.answers.note(sending.name, UNKNOWN)
                if gives_up:
                    return
            await asyncio.sleep(wait)
            wait = min(wait * 2, 3)

    def _noted(self, portion: Sequence[Sending], answer: httpx.Response) -> None:
        results = answer.json().get("results") if answer.status_code == 202 else None
        answers = self._door.answers
        for number, sending in enumerate(portion):
            status = results[number] if results else answer.json()
            taken = answer.status_code == 202 and status.get("status") in ("accepted", "duplicate")
            answers.note(sending.name, ACKED if taken else FAILED)
            if not taken:
                slug = str(status.get("slug") or status.get("type") or answer.status_code)
                answers.reasons[slug] = answers.reasons.get(slug, 0) + 1
