"""How is the leader of a three-broker cluster killed again and again? (R3)"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chaos.faults import Done
from regulars.stack.kafka import KafkaCluster

_DOWN_S = 2.5
"""A killed broker is started again after so long; meanwhile two copies of three are in sync."""


class LeaderKiller:
    """Kills the broker that leads most partitions of `orders`, starts it again, waits, and goes on to the next."""

    def __init__(self, cluster: KafkaCluster, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self.progress = 0.0
        self.done = Done()

    async def run(self, kills: int, duration_s: float) -> None:
        """`kills` leaders, spread over at least `duration_s`; the next is killed only when all copies are in sync."""
        began = time.monotonic()
        for number in range(kills):
            await asyncio.sleep(max(0.0, began + duration_s * (number + 0.5) / kills - time.monotonic()))
            self.progress = number / kills
            node = await self._leader()
            self.done.instants.append((time.time(), f"kafka-{node}"))
            await asyncio.to_thread(self._cluster.kill, node)
            self.done.kills[f"kafka-{node}"] += 1
            self._say(f"killed the leader, broker {node} ({number + 1} of {kills})")
            await asyncio.sleep(_DOWN_S)
            await asyncio.to_thread(self._cluster.restart, node)
        self.progress = 1.0

    async def _leader(self) -> int:
        """The broker with most partitions of `orders`, once every copy of them is in sync again."""
        deadline = time.monotonic() + 60
        while True:
            partitions = await self._partitions()
            if partitions and all(len(p["isr"]) == len(self._cluster.nodes) for p in partitions):
                return Counter(int(p["leader"]) for p in partitions).most_common(1)[0][0]
            if time.monotonic() > deadline:
                raise TimeoutError("the copies of the log are not in sync again after 60 s")
            await asyncio.sleep(0.3)

    async def _partitions(self) -> list[dict[str, Any]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._cluster.bootstrap_servers, request_timeout_ms=5000)
        try:
            async with asyncio.timeout(10):
                await admin.start()
                (topic,) = await admin.describe_topics(["orders"])
                return list(topic["partitions"])
        except (KafkaError, OSError, TimeoutError):
            return []
        finally:
            await admin.close()
