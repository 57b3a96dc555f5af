"""Fixtures of the tests of the whole: all five services in this process, on real servers, started part by part."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

import feedback.main
import membership.main
import messaging.main
import orders_ingest.main
import segmentation.main
from common.bus.broker import BrokerUnavailable, ensure_topics
from common.events.topics import TOPICS
from common.http.app import build_app
from common.http.health import Readiness, check_consumer
from common.process.runtime import Runtime, Service, make_runtime
from common.process.settings import Settings
from common.process.settling import settled
from regulars.stack.mailsink import MailSink
from regulars.testing import MigratedDatabase, broker_in

SERVICES: tuple[Service, ...] = (
    orders_ingest.main.SERVICE,
    membership.main.SERVICE,
    segmentation.main.SERVICE,
    messaging.main.SERVICE,
    feedback.main.SERVICE,
)
MASTER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OPERATORS_KEY = "an-operators-key-of-tests"
_PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}
WITHIN_S = 120
"""No expectation of speed: a loaded machine may take long, and a test that waits for ever says nothing."""


@dataclass
class Part:
    """One service in this process: its runtime, its API, and the parts of it that run."""

    service: Service
    settings: Settings
    runtime: Runtime
    api: httpx.AsyncClient
    app: Any
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Stack:
    """All services on a set clock. Nothing of them runs but their APIs, until `start` says so."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.parts: dict[str, Part] = {}

    async def add(self, service: Service, settings: Settings) -> None:
        runtime = await make_runtime(service, settings)
        readiness = Readiness()
        readiness.add("consumer", lambda: check_consumer(runtime.consumer))
        app = build_app(runtime, readiness)
        api = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url=f"http://{service.name}",
            headers={"authorization": f"Bearer {OPERATORS_KEY}"},
        )
        self.parts[service.name] = Part(service, settings, runtime, api, app)

    # -- speaking to it

    async def call(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.parts[service].api.request(method, path, **more)

    async def get(self, service: str, path: str) -> Any:
        """The decoded answer, which must be a success."""
        answer = await self.call(service, "GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    async def set_clock(self, now: datetime) -> None:
        for name in self.parts:
            answer = await self.call(name, "PUT", "/ops/clock", json={"now": now.isoformat()})
            assert answer.is_success, answer.text

    async def sweep(self, service: str) -> int:
        """Do what is due by the clock; how many rows that was."""
        answer = await self.call(service, "POST", "/ops/sweep")
        assert answer.is_success, answer.text
        return int(answer.json()["done"])

    async def rows(self, service: str, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """What a service's own database says."""
        async with self.parts[service].runtime.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(sql, **params)]

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """All that stands on one of our topics, read by a client that is none of ours."""
        reader = AIOKafkaConsumer(bootstrap_servers=self.broker, auto_offset_reset="earliest", enable_auto_commit=False)
        await reader.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(_PARTITIONS[topic])]
            reader.assign(partitions)
            ends = await reader.end_offsets(partitions)
            found: list[ConsumerRecord] = []
            while any([await reader.position(p) < ends[p] for p in partitions]):
                for batch in (await reader.getmany(timeout_ms=500)).values():
                    found += batch
            return found
        finally:
            await reader.stop()

    # -- running it

    def start(self, service: str, *kinds: str) -> None:
        """Start parts of a service: `consumer` (bus → database), `relay` (outbox → bus), `background` (its own)."""
        part = self.parts[service]
        for kind in kinds:
            for name, work in _works(part.runtime, kind):
                part.tasks.append(asyncio.create_task(work, name=f"{service} {name}"))

    def start_all(self) -> None:
        for name in self.parts:
            self.start(name, "consumer", "relay", "background")

    async def stop(self, service: str) -> None:
        """As on SIGTERM: what is at hand is finished. Raises what a part ended with."""
        part = self.parts[service]
        runtime = part.runtime
        runtime.stop()
        if runtime.consumer is not None:
            await runtime.consumer.stop()
        if runtime.relay is not None:
            await runtime.relay.stop()
        if runtime.follower is not None:
            await runtime.follower.stop()
        try:
            await asyncio.gather(*part.tasks)
        finally:
            collector = getattr(part.app.state, "collector", None)
            if collector is not None:
                await collector.close()
            await part.api.aclose()
            if runtime.backlog is not None:
                await runtime.backlog.close()
            await runtime.database.close()

    async def restart(self, service: str) -> None:
        """Stop a service and start all parts of it anew."""
        part = self.parts[service]
        await self.stop(service)
        await self.add(part.service, part.settings)
        self.start(service, "consumer", "relay", "background")

    async def stop_all(self) -> None:
        for name in self.parts:
            await self.stop(name)

    # -- waiting for it

    async def until(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until the answer is true, and give that answer; ends at once when a part has failed."""
        deadline = time.monotonic() + WITHIN_S
        while not (answer := await question()):
            for part in self.parts.values():
                for task in part.tasks:
                    if task.done():
                        task.result()
                        raise AssertionError(f"{task.get_name()} ended")
            assert time.monotonic() < deadline, "nothing came of it in time"
            await asyncio.sleep(0.05)
        return answer

    async def published(self, service: str) -> None:
        """Wait until the service's outbox is empty."""

        async def empty() -> bool:
            found = await self.rows(service, "select count(*) from outbox where published_at is null")
            return bool(found[0][0] == 0)

        await self.until(empty)

    async def caught_up(self, *services: str) -> None:
        """Wait until the services have read all that is on the bus for them."""
        for name in services:
            runtime = self.parts[name].runtime

            async def done(runtime: Runtime = runtime) -> bool:
                try:
                    return runtime.backlog is not None and await runtime.backlog.lag() == 0
                except BrokerUnavailable:
                    return False  # not connected yet

            await self.until(done)

    async def settled(self) -> None:
        """Wait until two passes over all services see the same counters and nothing open."""
        before: list[dict[str, int]] = []

        async def still() -> bool:
            nonlocal before
            try:
                seen = [await settled(part.runtime, False) for part in self.parts.values()]
            except BrokerUnavailable:
                return False  # not connected yet
            quiet = seen == before and not any(one.get(what) for one in seen for what in ("lag", "outbox", "leases"))
            before = seen
            return quiet

        await self.until(still)


def _works(runtime: Runtime, kind: str) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    if kind == "consumer":
        assert runtime.follower is not None
        yield "shops", runtime.follower.run()
        if runtime.consumer is not None:
            yield kind, runtime.consumer.run()
    if kind == "relay" and runtime.relay is not None:
        yield kind, runtime.relay.run()
    if kind == "background":
        for works in runtime.service.background.values():
            for work in works:
                yield work.__name__, work(runtime)


@pytest.fixture(scope="module")
def bus(stack_folder: Path) -> Iterator[str]:
    """A Kafka of the module's own: the topics have fixed names, and other tests' events must not stand on them."""
    with broker_in(stack_folder / f"kafka-{uuid.uuid4().hex[:8]}") as servers:
        yield servers


@asynccontextmanager
async def stack_on(
    bus: str, database_from: MigratedDatabase, mailsink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stack]:
    """All five services on databases of their own, with their mails going to `mailsink`; nothing runs yet."""
    await ensure_topics(bus, TOPICS, 1)
    made = Stack(bus)
    async with AsyncExitStack() as ending:
        ending.push_async_callback(made.stop_all)
        for service in SERVICES:
            environment = {
                "DATABASE_URL": (await database_from(service.migrations)).replace("+asyncpg", ""),
                "KAFKA_BOOTSTRAP_SERVERS": bus,
                "MASTER_KEY": MASTER_KEY,
                "BOOTSTRAP_API_KEY": OPERATORS_KEY,
                "SET_CLOCK": "1",
                "SMTP_PORT": str(mailsink.port),
                "PUBLIC_URL": f"https://{service.name}.shop.example",
            }
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            await made.add(service, Settings())
        yield made


@pytest_asyncio.fixture
async def stack(
    bus: str, database_from: MigratedDatabase, mailsink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stack]:
    """The services of one test."""
    async with stack_on(bus, database_from, mailsink, monkeypatch) as made:
        yield made
