"""Fixtures of the broker's tests: a real Kafka, topics of their own, and offsets kept as a database would."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common.bus.broker import Batch, BrokerUnavailable, Consumer, Outgoing, Position, Producer, Topic, ensure_topics
from regulars.stack.kafka import KafkaCluster

# No test waits so long: a call without a deadline of its own ends here, and its test fails.
HANG_S = 60.0
_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One broker, shared; a test that kills or freezes it brings it back."""
    cluster = KafkaCluster(tmp_path_factory.mktemp("kafka"))
    cluster.start()
    yield cluster
    cluster.stop()


@dataclass
class Offsets:
    """The offset rows of a service: what ``on_assigned`` returns, and the fence against a zombie's batch."""

    rows: dict[Position, int] = field(default_factory=dict)
    applied: list[bytes] = field(default_factory=list)
    asked: int = 0

    async def __call__(self, positions: Sequence[Position]) -> Mapping[Position, int]:
        self.asked += 1
        return {p: self.rows[p] for p in positions if p in self.rows}

    def apply(self, batch: Batch) -> bool:
        """Count the records if every partition was read from its row; otherwise drop the batch."""
        if any(self.rows.get(p, 0) != start for p, start in batch.starts.items()):
            return False
        self.rows.update(batch.nexts)
        self.applied += [each.value or b"" for each in batch.records]
        return True


class World:
    """One test's topics, consumers and producer; all are stopped at the end."""

    def __init__(self, kafka: KafkaCluster) -> None:
        self.kafka = kafka
        self.servers = kafka.bootstrap_servers
        self.group = f"group-{next(_numbers)}"
        self.producer = Producer(self.servers, client="test-producer")
        self.topics: list[str] = []
        self._consumers: list[Consumer] = []

    async def topic(self, partitions: int = 1, **config: str) -> str:
        name = f"topic-{next(_numbers)}"
        await ensure_topics(self.servers, [Topic(name, partitions, config)])
        self.topics.append(name)
        return name

    def consumer(self, *topics: str, on_assigned: Callable[..., Awaitable[Any]], **options: Any) -> Consumer:
        options = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500, **options}
        consumer = Consumer(self.servers, self.group, topics, client="test", on_assigned=on_assigned, **options)
        self._consumers.append(consumer)
        return consumer

    async def publish(self, topic: str, values: Sequence[bytes], partition: int | None = None) -> None:
        messages = [Outgoing(topic, value, value, partition=partition) for value in values]
        assert await self.producer.send(messages, 20) == len(messages)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The broker stands still: connections stay open, and nobody answers."""
        try:
            os.kill(self.kafka.pid(), signal.SIGSTOP)
            # The signal is there when all threads stand still, which may be a moment later.
            while any(state != "T" for state in self._states()):
                time.sleep(0.001)
            yield
        finally:
            os.kill(self.kafka.pid(), signal.SIGCONT)

    def _states(self) -> Iterator[str]:
        """What the system says of each of the broker's threads; one that ends meanwhile is left out."""
        for file in Path(f"/proc/{self.kafka.pid()}/task").glob("*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                yield file.read_text().rpartition(")")[2].split()[0]

    async def close(self) -> None:
        for consumer in self._consumers:
            await consumer.stop()
        await self.producer.stop()


@pytest.fixture(autouse=True)
def _deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit is late, however slow the machine; tests in which Kafka gives no answer shorten what they wait for."""
    monkeypatch.setattr("common.bus.broker.consumer.OUT_OF_LOG_PAUSE_S", 0.05)
    monkeypatch.setattr("common.bus.broker.consumer.COMMIT_WAIT_S", HANG_S)


@pytest.fixture
async def world(kafka: KafkaCluster) -> AsyncIterator[World]:
    world = World(kafka)
    async with asyncio.timeout(2 * HANG_S):
        yield world
    await world.close()


async def next_batch(consumer: Consumer) -> Batch:
    """Poll until there is a batch, through temporary failures. Raises TimeoutError after HANG_S."""
    async with asyncio.timeout(HANG_S):
        while True:
            try:
                if batch := await consumer.poll(0.3):
                    return batch
            except BrokerUnavailable:
                await asyncio.sleep(0.1)


async def read(consumer: Consumer, offsets: Offsets, count: int) -> None:
    """Apply batches until so many records are applied."""
    while len(offsets.applied) < count:
        offsets.apply(await next_batch(consumer))


async def until(condition: Callable[[], object], *consumers: Consumer) -> None:
    """Poll, expecting no records, until the condition holds, through temporary failures. TimeoutError after HANG_S."""
    async with asyncio.timeout(HANG_S):
        while not condition():
            for consumer in consumers:
                with suppress(BrokerUnavailable):
                    assert await consumer.poll(0.1) is None
            await asyncio.sleep(0.01)
