"""The toy service of the tests of the bus, on a real Kafka and PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from common.bus.backlog import Backlog
from common.bus.broker import Producer, Topic, ensure_topics
from common.events import EVENTS
from common.storage.database import Database
from regulars.testing import MigratedDatabase, SharedKafka

from .toy import Stand, Ticked, Tocked, Toy


@pytest_asyncio.fixture
async def stand(
    database_from: MigratedDatabase, kafka: SharedKafka, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    """The toy service, with nothing in its log yet."""
    topic = "toy-" + uuid.uuid4().hex[:8]
    monkeypatch.setattr(Ticked, "TOPIC", topic)
    monkeypatch.setattr(Tocked, "TOPIC", topic)
    monkeypatch.setitem(EVENTS, Ticked.TYPE, Ticked)
    monkeypatch.setitem(EVENTS, Tocked.TYPE, Tocked)
    database = Database(await database_from(), service="toy")
    async with database.transaction() as tx:
        await tx.execute("create table ticks (customer text, n integer)")
    servers = kafka.bootstrap_servers
    await ensure_topics(servers, [Topic(topic, 3), Topic("dead.toy", 1)])
    producer = Producer(servers, client="test")

    async def topics() -> list[str]:
        return [topic]

    backlog = Backlog(database, topics, servers, client="toy")
    stand = Stand(database, servers, topic, Toy(), producer, backlog, None)  # type: ignore[arg-type]
    stand.consumer = stand.another()
    yield stand
    await stand.consumer.stop()
    await backlog.close()
    await producer.stop()
    await database.close()
