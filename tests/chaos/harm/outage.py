"""The only broker is down for minutes under load (R7): orders-ingest goes on taking, and what waited is drained."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from chaos.gathering import ANNOUNCED, CLAIMED
from chaos.harm import Figures, Harm, Setting
from chaos.holdings import Holdings
from common.storage.migrate import driver_url
from regulars.stack.kafka import KafkaCluster

FASTER = 3.0
"""What waited must be drained so many times as fast as it came (targets.md R7)."""
BEFORE_S, AFTER_S = 15.0, 30.0
"""Load before the broker goes down, and after it is up again."""


class Outage(Harm):
    """Kills the broker after some load, starts it again after `down_s`; the load comes evenly all the time."""

    def __init__(self, setting: Setting, down_s: float) -> None:
        super().__init__(setting)
        self._down_s = down_s
        self._cluster = KafkaCluster(setting.apart)
        self._began = time.monotonic()
        self._down = self._up = 0.0

    @property
    def progress(self) -> float:
        evenly = (time.monotonic() - self._began) / (BEFORE_S + self._down_s + AFTER_S)
        return max(self.sent_share, min(1.0, evenly))

    def start(self) -> Mapping[str, Any]:
        self._cluster.start(120)
        return {"kafka": self._cluster.bootstrap_servers}

    def stop(self) -> None:
        self._cluster.stop()

    async def run(self, _holdings: Holdings) -> None:
        self._began = time.monotonic()
        try:
            await asyncio.sleep(BEFORE_S)
            self._down = time.time()
            await asyncio.to_thread(self._cluster.kill)
            self.done.kills["kafka-1"] += 1
            self.setting.say(f"the broker is down for {self._down_s:.0f} s")
            await asyncio.sleep(self._down_s)
            await asyncio.to_thread(self._cluster.restart)
            self._up = time.time()
            self.setting.say("the broker is up again")
            await asyncio.sleep(AFTER_S)
        finally:
            self.sent_share = 1.0

    def enough(self) -> bool:
        return self._up > self._down > 0

    async def measured(self, databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """How much was taken while the broker was down, and how soon it had gone out and been read afterwards."""
        connection = await asyncpg.connect(driver_url(databases["orders-ingest"]))
        try:
            # What was announced while the broker was down, and when Kafka had it.
            rows = await connection.fetch(
                f"""
                select recorded_at, published_at from ({ANNOUNCED}) a
                where recorded_at between to_timestamp($1) and to_timestamp($2)
                """,
                self._down,
                self._up,
            )
        finally:
            await connection.close()
        announced = len(rows)
        published = max((r["published_at"].timestamp() for r in rows), default=self._up)
        read = {name: await self._last_read(url, rows) for name, url in databases.items() if name == "membership"}
        drained = {"published": published, **read}
        faster = {what: drained_faster(announced, self._up - self._down, at - self._up) for what, at in drained.items()}
        figures: Figures = {
            "down_s": round(self._up - self._down, 1),
            "taken_meanwhile": announced,
            "drained_s": {what: round(at - self._up, 1) for what, at in drained.items()},
            "drained_faster_than_it_came": {what: round(times, 1) for what, times in faster.items()},
        }
        return {"outage": figures}, announced > 0 and all(times >= FASTER for times in faster.values())

    async def _last_read(self, url: str, announced: Sequence[asyncpg.Record]) -> float:
        """When a reader had taken as much as was announced meanwhile."""
        connection = await asyncpg.connect(driver_url(url))
        try:
            # The first so many that it took after the broker was up.
            at: float | None = await connection.fetchval(
                f"""
                select extract(epoch from max(recorded_at)) from (
                    select recorded_at from ({CLAIMED}) c where recorded_at > to_timestamp($1)
                    order by recorded_at limit $2
                ) first
                """,
                self._up,
                len(announced),
            )
        finally:
            await connection.close()
        return float(at) if at is not None else self._up


def drained_faster(count: int, came_in_s: float, drained_in_s: float) -> float:
    """How many times as fast `count` events were drained as they had come."""
    return (count / max(drained_in_s, 0.1)) / (count / came_in_s) if count else 0.0
