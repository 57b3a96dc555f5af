"""Rebalance storms: a further member joins every consumer group and leaves it, again and again, every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from chaos.gathering import CLAIMED
from chaos.harm import Figures, Harm, Setting
from chaos.harm.plan import SERVICE_NAMES, SESSION_TIMEOUT_MS
from chaos.harm.targets import Targets
from chaos.holdings import Holdings
from common.bus.broker import BrokerUnavailable, Consumer, Position
from common.storage.migrate import driver_url

FIRST_S, ROUND_S = 8.0, 4.0
"""Load before the first storm, until each group has read something; and how long a round takes at least."""
_JOINED_WITHIN_S, _STAYS_S = 15.0, 1.5
PROGRESS = 0.5
"""In so many of the rounds each service must have taken something: half of the normal (reliability.md section 8)."""


class Storm(Harm):
    """A member of each service's group comes, gets its share, reads nothing of it, and goes; `times` times."""

    def __init__(self, setting: Setting, times: int) -> None:
        super().__init__(setting)
        self._times = times
        self._targets = Targets(setting.folder)
        self._rounds: list[tuple[float, float]] = []

    async def run(self, _holdings: Holdings) -> None:
        try:
            await asyncio.sleep(FIRST_S)
            for number in range(self._times):
                began = time.time()
                await asyncio.gather(*(self._come_and_go(service) for service in SERVICE_NAMES))
                await asyncio.sleep(max(0.0, began + ROUND_S - time.time()))
                self._rounds.append((began, time.time()))
                self.sent_share = (number + 1) / self._times
                self.setting.say(f"storm {number + 1} of {self._times}: {time.time() - began:.1f} s")
        finally:
            self.sent_share = 1.0

    async def _come_and_go(self, service: str) -> None:
        state = self._targets.state()
        connection = await asyncpg.connect(driver_url(state.services[service]["DATABASE_URL"]), timeout=10)
        try:
            # What the service's own members have read of.
            rows = await connection.fetch("select distinct topic from offsets order by topic")
        finally:
            await connection.close()
        if not rows:
            self.done.missed.append(f"storm {service}: it has read nothing yet")
            return
        if await joined(state.kafka, service, [row["topic"] for row in rows]):
            self.done.others[service] += 1
        else:
            self.done.missed.append(f"storm {service}: not joined")

    def enough(self) -> bool:
        """Each group was shared out anew each time."""
        return all(self.done.others[service] >= self._times for service in SERVICE_NAMES)

    async def measured(self, databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """In which share of the rounds each service took something."""
        shares = {}
        for name, url in databases.items():
            connection = await asyncpg.connect(driver_url(url))
            try:
                # When each event was taken.
                taken = [row["recorded_at"].timestamp() for row in await connection.fetch(CLAIMED)]
            finally:
                await connection.close()
            shares[name] = share_with_progress(self._rounds, taken)
        longest = max((until - since for since, until in self._rounds), default=0.0)
        figures: Figures = {
            "rounds": len(self._rounds),
            "longest_round_s": round(longest, 1),
            "rounds_with_progress": {name: round(share, 2) for name, share in shares.items()},
        }
        return {"storm": figures}, all(share >= PROGRESS for share in shares.values())


async def joined(servers: str, group: str, topics: Sequence[str]) -> bool:
    """Join the group, stay a moment with what it was given, and leave; whether a share came within 15 s."""

    async def nowhere(_: Sequence[Position]) -> Mapping[Position, int]:
        return {}

    member = Consumer(
        servers,
        group,
        topics,
        client="chaos-storm",
        on_assigned=nowhere,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=SESSION_TIMEOUT_MS // 10,
    )
    await member.pause()
    deadline = time.monotonic() + _JOINED_WITHIN_S
    stays_until = None
    try:
        while time.monotonic() < (stays_until or deadline):
            try:
                await member.poll(0.2)
            except BrokerUnavailable:
                await asyncio.sleep(0.2)
            if stays_until is None and member.assigned:
                stays_until = time.monotonic() + _STAYS_S
    finally:
        await member.stop(3)
    return stays_until is not None


def share_with_progress(rounds: Sequence[tuple[float, float]], taken: Iterable[float]) -> float:
    """The share of the rounds (begin, end) in which something was taken; 0 where there was no round."""
    counted = Counter(number for at in taken for number, (since, until) in enumerate(rounds) if since <= at < until)
    return len(counted) / len(rounds) if rounds else 0.0
