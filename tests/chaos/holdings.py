"""What each process of a service holds: partitions, the relay's lock, sweeps done; as its readiness says."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

EVERY_S = 1.0
_READING = re.compile(r"reading: (\d+) partitions")
_SWEPT = re.compile(r"(\d+) rows done")


@dataclass(frozen=True, slots=True)
class Holding:
    """Of one process at one look; `swept`: rows since it started."""

    partitions: int
    relay: bool
    swept: int

    def __str__(self) -> str:
        return f"{self.partitions} partitions{', the relay' if self.relay else ''}, {self.swept} rows swept"


def read(checks: Mapping[str, str]) -> Holding:
    """From the checks of /health/ready."""
    reading, swept = _READING.search(checks.get("consumer", "")), _SWEPT.search(checks.get("sweeps", ""))
    relay = checks.get("relay", "").startswith("holder")
    return Holding(int(reading[1]) if reading else 0, relay, int(swept[1]) if swept else 0)


class Holdings:
    """Looks at every process each second until stopped; `now` is the last look, without those that did not answer."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self.now: dict[str, Holding] = {}
        self._most: dict[str, int] = defaultdict(int)
        self._relay: dict[str, int] = defaultdict(int)
        self._swept: dict[str, int] = defaultdict(int)

    async def run(self) -> None:
        """Until it is cancelled."""
        async with httpx.AsyncClient(timeout=2) as client:
            while True:
                await asyncio.gather(*(self._look(client, name) for name in self._addresses))
                await asyncio.sleep(EVERY_S)

    async def _look(self, client: httpx.AsyncClient, name: str) -> None:
        before = self.now.pop(name, None)
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            seen = read((await client.get(f"{self._addresses[name]}/health/ready")).json()["checks"])
            self.note(name, before, seen)

    def note(self, name: str, before: Holding | None, seen: Holding) -> None:
        """One look; `before` is the one a second ago, None where there was none."""
        self.now[name] = seen
        self._most[name] = max(self._most[name], seen.partitions)
        self._relay[name] += seen.relay and not (before is not None and before.relay)
        # A process that was started again counts from 0.
        since = before.swept if before is not None and before.swept <= seen.swept else 0
        self._swept[name] += seen.swept - since

    def summary(self) -> dict[str, dict[str, int]]:
        """By process: most partitions at a time, how often it was seen to take the relay, rows swept."""
        return {
            name: {"partitions": self._most[name], "relay": self._relay[name], "swept": self._swept[name]}
            for name in self._addresses
        }
