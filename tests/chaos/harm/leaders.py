"""Kills the leader of a three-broker cluster again and again (R3)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chaos.harm import Figures, Harm, Setting, silence
from chaos.holdings import Holdings
from regulars.stack.kafka import KafkaCluster

_DOWN_S = 6.0
"""A killed broker is started again after so long, when the others must have taken over: on a machine of its own, its
start would not take their processors."""


class Pace:
    """How much of the load may have been sent, 0 to 1: towards the next kill, ever slower, and never reaching it.

    The load must neither end before the kills do nor stop while one waits for the copies: a leader that dies while
    nothing is announced does not die under load.
    """

    def __init__(self) -> None:
        self._behind = self._ahead = self._since = 0.0
        self._within_s = 1.0

    def aim(self, share: float, within_s: float, now: float) -> None:
        """The next kill is due in `within_s` seconds, when `share` of the load has been sent."""
        self._behind, self._ahead, self._within_s, self._since = self._ahead, share, within_s, now

    def at(self, now: float) -> float:
        """The share that may have been sent by then, on the clock that `aim` was given."""
        left: float = 0.1 ** ((now - self._since) / self._within_s)
        return self._behind + (self._ahead - self._behind) * (1 - left)


class LeaderKiller(Harm):
    """Kills the broker that leads most partitions of `orders`, starts it again, waits, and goes on to the next.

    `kills` leaders, spread over at least `duration_s`; the next is killed only when all copies are in sync.
    """

    def __init__(self, setting: Setting, kills: int, duration_s: float) -> None:
        super().__init__(setting)
        self._kills, self._duration_s = kills, duration_s
        self._cluster = KafkaCluster(setting.apart, nodes=3)
        self._pace = Pace()

    @property
    def progress(self) -> float:
        return max(self.sent_share, self._pace.at(time.monotonic()))

    def start(self) -> Mapping[str, Any]:
        self._cluster.start(120)
        return {"kafka": self._cluster.bootstrap_servers}

    def stop(self) -> None:
        self._cluster.stop()

    def enough(self) -> bool:
        return self.done.kills.total() >= self._kills

    async def measured(self, databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """How long each service's facts had to wait after a leader's death."""
        consuming, publishing = await silence.measure(databases, self.done.instants)
        figures = {"consuming": consuming, "publishing": publishing}
        return {"silence_after_leader_kill_s": figures}, silence.kept(consuming, self.done.kills.total())

    async def run(self, _holdings: Holdings) -> None:
        try:
            await self._kill_each(self._kills, self._duration_s)
        finally:
            self.sent_share = 1.0

    async def _kill_each(self, kills: int, duration_s: float) -> None:
        began = time.monotonic()
        share_s = duration_s / kills
        self._pace.aim(0.5 / kills, share_s / 2, began)
        for number in range(kills):
            await asyncio.sleep(max(0.0, began + share_s * (number + 0.5) - time.monotonic()))
            node = await self._leader()
            self.done.instants.append((time.time(), f"kafka-{node}"))
            await asyncio.to_thread(self._cluster.kill, node)
            self._pace.aim((number + 1.5) / kills, share_s, time.monotonic())
            self.done.kills[f"kafka-{node}"] += 1
            self.setting.say(f"killed the leader, broker {node} ({number + 1} of {kills})")
            await asyncio.sleep(_DOWN_S)
            await asyncio.to_thread(self._cluster.restart, node)

    async def _leader(self) -> int:
        """The broker with most partitions of `orders`, once every copy of every topic is in sync again.

        With one copy behind, the next kill would leave one in sync where two must be: two brokers would have failed,
        and Kafka takes no write until one is back.
        """
        deadline = time.monotonic() + 120
        while True:
            topics = await self._topics()
            copies = [len(p["isr"]) for partitions in topics.values() for p in partitions]
            if "orders" in topics and min(copies) == len(self._cluster.nodes):
                return Counter(int(p["leader"]) for p in topics["orders"]).most_common(1)[0][0]
            if time.monotonic() > deadline:
                raise TimeoutError("the copies of the log are not in sync again after 120 s")
            await asyncio.sleep(0.3)

    async def _topics(self) -> dict[str, list[dict[str, Any]]]:
        """The partitions of every topic, Kafka's own among them; nothing where no broker answers."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._cluster.bootstrap_servers, request_timeout_ms=5000)
        try:
            async with asyncio.timeout(10):
                await admin.start()
                return {topic["topic"]: list(topic["partitions"]) for topic in await admin.describe_topics()}
        except (KafkaError, OSError, TimeoutError):
            return {}
        finally:
            await admin.close()
