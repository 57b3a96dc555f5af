"""The answer to each thing that was sent: acked, failed (refused), or unknown, when none came back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx

from chaos.workload import CURRENCY, Sending, Workload

ACKED, FAILED, UNKNOWN = "acked", "failed", "unknown"
GIVE_UP_SHARE = 0.15
"""So many of those that got no answer are never sent again: what became of them must be 0 or 1, not 2."""
BATCH, SINGLE = "application/cloudevents-batch+json", "application/cloudevents+json"


@dataclass(slots=True)
class Answers:
    """By id: what became of events, and of redemptions (their points are in `points`, by customer and id).

    `merges`: by absorbed customer into whom it was merged by what was said last (None: into nobody), and its answer.
    """

    events: dict[str, str] = field(default_factory=dict)
    redemptions: dict[str, str] = field(default_factory=dict)
    points: dict[str, tuple[str, int]] = field(default_factory=dict)
    merges: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    unanswered: int = 0

    def note(self, id_: str, answer: str) -> None:
        """acked stays acked: a later repeat that found no answer takes nothing back; a refusal settles a doubt."""
        if self.events.get(id_) != ACKED and not (answer == UNKNOWN and self.events.get(id_) == FAILED):
            self.events[id_] = answer


class Shop:
    """Sends a workload on several connections, and goes on until all is answered or given up.

    A service's processes get their requests by turns: what one did not answer is told to the next.

    Not faster than `progress`, the share (0 to 1) of the faults that are done: on a slow machine the load must last
    as long as they do.
    """

    def __init__(
        self,
        orders: Sequence[str],
        membership: Sequence[str],
        key: str,
        workload: Workload,
        seed: int,
        progress: Callable[[], float],
    ) -> None:
        self._progress = progress
        self._orders, self._membership = cycle(orders), cycle(membership)
        self._workload = workload
        self._rng = random.Random(seed + 1)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(20, connect=3),
            limits=httpx.Limits(max_connections=16),
        )
        self.answers = Answers()

    async def run(self, duration_s: float, redemptions: int) -> None:
        """Until every event has been sent and answered, or its sender gave up."""
        began = time.monotonic()
        queue: asyncio.Queue[list[Sending]] = asyncio.Queue()
        async with self._client, asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work(queue, began, duration_s)) for _ in range(12)]
            group.create_task(self._redeem(redemptions, began, duration_s))
            group.create_task(self._merge(began, duration_s))
            for portion in self._portions():
                await queue.put(portion)
            await queue.join()
            for worker in workers:
                worker.cancel()

    def _portions(self) -> list[list[Sending]]:
        """Singles and batches of 2 to 25, in order of time; what is to be refused goes alone or among others."""
        left, portions = list(self._workload.sendings), list[list[Sending]]()
        while left:
            size = 1 if self._rng.random() < 0.6 else self._rng.randrange(2, 26)
            portions.append(left[:size])
            del left[:size]
        return portions

    async def _work(self, queue: asyncio.Queue[list[Sending]], began: float, duration_s: float) -> None:
        while True:
            portion = await queue.get()
            await self._until(began, portion[-1].at, duration_s)
            await self._tell(portion)
            queue.task_done()

    async def _until(self, began: float, at: float, duration_s: float) -> None:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        while self._progress() < at / duration_s - 0.02:
            await asyncio.sleep(0.2)

    async def _tell(self, portion: Sequence[Sending]) -> None:
        bodies = [t.body for t in portion]
        wait = 0.3
        gives_up = self._rng.random() < GIVE_UP_SHARE
        while True:
            answer = await self._post(f"{next(self._orders)}/v1/events", bodies if len(bodies) > 1 else bodies[0])
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                self._noted(portion, answer)
                return
            if answer is None or answer.status_code != 429:
                for sending in portion:
                    self.answers.note(sending.name, UNKNOWN)
                if gives_up:
                    return
            await asyncio.sleep(wait)
            wait = min(wait * 2, 3)

    def _noted(self, portion: Sequence[Sending], answer: httpx.Response) -> None:
        results = answer.json().get("results") if answer.status_code == 202 else None
        for number, sending in enumerate(portion):
            status = results[number] if results else answer.json()
            taken = answer.status_code == 202 and status.get("status") in ("accepted", "duplicate")
            self.answers.note(sending.name, ACKED if taken else FAILED)
            if not taken:
                slug = str(status.get("slug") or status.get("type") or answer.status_code)
                self.answers.reasons[slug] = self.answers.reasons.get(slug, 0) + 1

    async def _post(self, url: str, body: Any) -> httpx.Response | None:
        kind = BATCH if isinstance(body, list) else SINGLE if "specversion" in body else "application/json"
        self.answers.requests += 1
        try:
            return await self._client.post(url, json=body, headers={"Content-Type": kind})
        except httpx.HTTPError:
            self.answers.unanswered += 1
            return None

    async def _merge(self, began: float, duration_s: float) -> None:
        """Say who is one person, and who is not after all; each until it is answered, and sometimes once more."""
        for merging in self._workload.merges:
            await self._until(began, merging.at, duration_s)
            path = f"v1/shops/{self._workload.shop}/customers/{merging.survivor}"
            verb, into = ("unmerge", None) if merging.undone else ("merge", merging.survivor)
            for _ in range(40):
                url = f"{next(self._orders)}/{path}/{verb}"
                answer = await self._post(url, {"absorbed": merging.absorbed})
                if answer is not None and answer.status_code == 200:
                    self.answers.merges[merging.absorbed] = into, ACKED
                    if self._rng.random() < 0.3:
                        await self._post(url, {"absorbed": merging.absorbed})
                    break
                # One of them is not known yet, or nobody answered.
                self.answers.merges[merging.absorbed] = into, UNKNOWN
                await asyncio.sleep(0.5)

    async def _redeem(self, count: int, began: float, duration_s: float) -> None:
        """Spend points of members, here and there; asking again with the same id must not spend them twice."""
        answers = self.answers
        for number in range(count):
            # From the middle on, when there are members with points.
            await self._until(began, duration_s * (0.4 + 0.6 * number / count), duration_s)
            name, customer = f"redeem-{number}", self._rng.choice(self._workload.customers)
            points = self._rng.randrange(1, 6)
            answers.points[name] = (customer, points)
            body = {
                "redemption_id": name,
                "customer": customer,
                "points": points,
                "order_total": 100_000,
                "currency": CURRENCY,
            }
            for _ in range(12):
                answer = await self._post(f"{next(self._membership)}/v1/shops/{self._workload.shop}/redemptions", body)
                if answer is None or answer.status_code >= 500:
                    answers.redemptions[name] = UNKNOWN
                    if self._rng.random() < GIVE_UP_SHARE:
                        break
                    await asyncio.sleep(1)
                    continue
                answers.redemptions[name] = ACKED if answer.status_code == 200 else FAILED
                if answer.status_code == 200:
                    # Once more, as a checkout does whose own database was slow.
                    await self._post(f"{next(self._membership)}/v1/shops/{self._workload.shop}/redemptions", body)
                break
