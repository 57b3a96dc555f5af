"""The log of a run, read from the first record to the last."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.evidence import Logged
from common.bus.broker import BrokerUnavailable, Consumer, LogEnds, Position
from common.events.topics import TOPICS


async def read_log(kafka: str, within_s: float = 90) -> list[Logged]:
    """Every record of every topic of facts, partition by partition, as a reader of its own group sees it."""
    topics = [t.name for t in TOPICS if not t.name.startswith("dead.")]

    async def from_the_first(_positions: Sequence[Position]) -> Mapping[Position, int]:
        return {}

    reader = Consumer(kafka, f"chaos-{uuid.uuid4()}", topics, client="chaos", on_assigned=from_the_first)
    ends, nexts = LogEnds(kafka, client="chaos-ends"), dict[Position, int]()
    found: list[Logged] = []
    deadline = time.monotonic() + within_s
    try:
        while True:
            try:
                batch = await reader.poll(1.0)
                if batch is not None:
                    found += [_logged(r) for r in batch.records]
                    nexts.update(batch.nexts)
                    continue
                if all(nexts.get(p, 0) >= end for p, end in (await ends.ends(topics)).items()):
                    return sorted(found, key=lambda r: (r.topic, r.partition, r.offset))
            except BrokerUnavailable:
                found.clear()  # a new session begins at the first record again
                nexts.clear()
                await asyncio.sleep(0.5)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the log could not be read to its end within {within_s:.0f} s")
    finally:
        await reader.stop()
        await ends.close()


def _logged(record: Any) -> Logged:
    key, name = (record.key or b"").decode(), record.headers.get("id", b"").decode()
    return Logged(record.topic, record.partition, record.offset, key, name)
