"""The services as a shop sees them: several processes, of which one may be dead, asked by turns."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import httpx

from chaos.answers import ACKED, FAILED, UNKNOWN, Answers

GIVE_UP_SHARE = 0.15
"""So many of those that got no answer are never sent again: what became of them must be 0 or 1, not 2."""
TRIES = 12


class Door:
    """Asks on few connections; a service's processes get their requests by turns: what one did not answer is told to
    the next. `duration_s` is how long the load lasts, but not shorter than until `progress`, the share (0 to 1) of the
    faults that are done: on a slow machine the load must last as long as they do.
    """

    def __init__(
        self,
        processes: Mapping[str, Sequence[str]],
        key: str,
        shop: str,
        rng: random.Random,
        duration_s: float,
        progress: Callable[[], float],
    ) -> None:
        self.shop, self.rng, self.answers = shop, rng, Answers()
        self._processes = {name: cycle(addresses) for name, addresses in processes.items()}
        self._duration_s, self._progress, self._began = duration_s, progress, 0.0
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(20, connect=3),
            limits=httpx.Limits(max_connections=24),
        )

    async def __aenter__(self) -> Door:
        self._began = time.monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def has(self, service: str) -> bool:
        """Whether the service is part of this run."""
        return service in self._processes

    async def until(self, share: float) -> None:
        """Wait for this share (0 to 1) of the load's time."""
        await asyncio.sleep(max(0.0, self._began + share * self._duration_s - time.monotonic()))
        while self._progress() < share - 0.02:
            await asyncio.sleep(0.2)

    async def send(
        self, service: str, path: str, body: Any, verb: str = "POST", kind: str = "application/json"
    ) -> httpx.Response | None:
        """Ask one process once; None where nothing came back. `path` from the service's root."""
        self.answers.requests += 1
        url = f"{next(self._processes[service])}{path}"
        try:
            return await self._client.request(verb, url, json=body, headers={"Content-Type": kind})
        except httpx.HTTPError:
            self.answers.unanswered += 1
            return None

    async def ask(
        self, service: str, path: str, body: Any, verb: str = "POST", tries: int = TRIES
    ) -> tuple[str, dict[str, Any]]:
        """Ask until there is an answer, or give up; `path` below the shop's. The answer, and its body where acked."""
        for _ in range(tries):
            answer = await self.send(service, f"/v1/shops/{self.shop}/{path}", body, verb)
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                if answer.is_success:
                    return ACKED, answer.json()
                return FAILED, {}
            if self.rng.random() < GIVE_UP_SHARE:
                break
            await asyncio.sleep(1)
        return UNKNOWN, {}
