"""Does every event count exactly once? One service's consumer on a real Kafka and PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from common.broker import OffsetOutOfLog, Outgoing, Producer, Topic, ensure_topics
from common.consumer import MANY, Batch, EventConsumer, Subscription
from common.db import Database, Transaction
from common.events import EVENTS, Event, EventData
from common.relay import Relay
from regulars.testing import MigratedDatabase, SharedKafka

TOPIC = "toy-" + uuid.uuid4().hex[:8]


class Ticked(EventData):
    TYPE: ClassVar[str] = "toy.ticked"
    TOPIC: ClassVar[str] = TOPIC
    n: int


def tick(n: int, customer: str = "c1", **more: Any) -> Event[Ticked]:
    time = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
    return Event(more.pop("id", f"e{n}"), "/shops/shop/toy", "shop", customer, time, Ticked(n=n))


@dataclass
class Toy:
    """A service that writes each event it counts as a row; poison is what it cannot handle."""

    poison: set[int] = field(default_factory=set)
    calls: int = 0

    async def on_ticks(self, tx: Transaction, batch: Batch) -> None:
        self.calls += 1
        for event in batch.events:
            if event.data.n in self.poison:
                raise ZeroDivisionError(f"poison {event.data.n}")
        await tx.copy("ticks", ("customer", "n"), [(e.subject, e.data.n) for e in batch.events])


@dataclass
class Stand:
    database: Database
    servers: str
    toy: Toy
    producer: Producer
    consumer: EventConsumer

    def another(self, **more: Any) -> EventConsumer:
        subscriptions = (Subscription(self.toy.on_ticks, (Ticked,)),)
        return EventConsumer(
            self.database, self.servers, f"toy-{uuid.uuid4().hex[:8]}", subscriptions, seal=lambda b: b, **more
        )

    async def put(self, *events: Event[Any] | Outgoing) -> None:
        out = [e if isinstance(e, Outgoing) else Outgoing(TOPIC, e.key.encode(), e.encode(), {}) for e in events]
        assert await self.producer.send(out) == len(out)

    async def read(self, consumer: EventConsumer | None = None) -> None:
        """Until nothing is left in the log."""
        consumer = consumer or self.consumer
        while True:
            await consumer.step(1.0)
            if consumer.broker.assigned and await consumer.lag() == 0:
                return

    async def rows(self, sql: str = "select customer, n from ticks order by n") -> list[tuple[Any, ...]]:
        async with self.database.transaction() as tx:
            return [tuple(r) for r in await tx.fetch(sql)]


@pytest_asyncio.fixture
async def stand(
    database_from: MigratedDatabase, kafka: SharedKafka, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    global TOPIC
    TOPIC = "toy-" + uuid.uuid4().hex[:8]
    monkeypatch.setattr(Ticked, "TOPIC", TOPIC)
    monkeypatch.setitem(EVENTS, Ticked.TYPE, Ticked)
    database = Database(await database_from(), service="toy")
    async with database.transaction() as tx:
        await tx.execute("create table ticks (customer text, n integer)")
    servers = kafka.bootstrap_servers
    await ensure_topics(servers, [Topic(TOPIC, 3), Topic("dead.toy", 1)])
    producer = Producer(servers, client="test")
    stand = Stand(database, servers, Toy(), producer, None)  # type: ignore[arg-type]
    stand.consumer = stand.another()
    yield stand
    await stand.consumer.stop()
    await producer.stop()
    await database.close()


async def test_the_age_of_every_event_that_counts_is_observed_once(stand: Stand) -> None:
    """XCT-006: metrics; a repeat has no age."""
    name, labels = "event_age_seconds_count", {"consumer": stand.database.service}
    before = REGISTRY.get_sample_value(name, labels) or 0
    await stand.put(tick(1), tick(2), tick(2))
    await stand.read()
    assert (REGISTRY.get_sample_value(name, labels) or 0) - before == 2


async def test_sweeps_wait_while_many_records_or_old_ones_are_unread(stand: Stand) -> None:
    """Nobody is downgraded for an order that is already in the log (architecture.md section 3)."""
    await stand.put(tick(0))
    await stand.read()
    await stand.put(tick(1))
    assert not await stand.consumer.behind(), "a record that has just come is read in a moment"
    await stand.put(*[tick(n) for n in range(2, MANY + 2)])
    assert await stand.consumer.behind()
    await stand.read()
    assert not await stand.consumer.behind()

    stand.consumer._last_record_ms -= 3_600_000  # as if the last one read had been written an hour ago
    assert not await stand.consumer.behind(), "nothing is unread"
    await stand.put(tick(5_001))
    assert await stand.consumer.behind()


async def test_every_event_counts_once_though_it_comes_ten_times(stand: Stand) -> None:
    """Ten deliveries of one event count once."""
    await stand.put(*[tick(n % 5) for n in range(50)])
    await stand.read()
    assert await stand.rows() == [("c1", n) for n in range(5)]
    assert stand.consumer.counts.duplicates == 45


async def test_two_processes_that_read_the_same_log_count_each_event_once(stand: Stand) -> None:
    """A zombie member is fenced by the offsets in the database: two groups stand for two members."""
    await stand.put(*[tick(n, f"c{n % 7}") for n in range(200)])
    others = [stand.another(max_records=20) for _ in range(2)]

    async def run(consumer: EventConsumer) -> None:
        task = asyncio.create_task(consumer.run())
        while not consumer.broker.assigned or await consumer.lag():
            await asyncio.sleep(0.05)
        await consumer.stop()
        await task

    await asyncio.gather(*(run(c) for c in others))
    assert await stand.rows() == sorted([(f"c{n % 7}", n) for n in range(200)], key=lambda r: r[1])


async def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(stand: Stand) -> None:
    """A failing batch is halved until the culprit stands alone; nothing waits behind it (XCT-006: dead letters)."""
    stand.toy.poison = {13}
    await stand.put(*[tick(n, f"c{n % 3}") for n in range(40)])
    await stand.read()
    assert [n for _, n in await stand.rows()] == [n for n in range(40) if n != 13]
    assert await stand.rows("select slug, event_id from dead_events") == [("handler_failed", "e13")]
    assert await stand.rows("select aggregatetype from outbox") == [("dead.toy",)]


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        (b"{not json", "malformed_json"),
        (b"[]", "malformed_json"),
        (b'{"id":"1","source":"/shops/shop/x","type":"toy.ticked","shop":"shop","data":{}}', "missing_time"),
        (tick(1).encode().replace(b"Z", b""), "invalid_time"),
        (tick(1).encode().replace(b"toy.ticked", b"no.such"), "unknown_type"),
        (tick(1).encode().replace(b'"time"', b'"dataschema":"/schemas/toy/7","time"'), "unknown_version"),
        (tick(1).encode().replace(b'"n":1', b'"n":"one"'), "invalid_data"),
        (None, "malformed_json"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_dead_at_once_with_its_reason(stand: Stand, value: bytes, slug: str) -> None:
    await stand.put(tick(1), Outgoing(TOPIC, b"shop/c1", value, {}), tick(2))
    await stand.read()
    assert [n for _, n in await stand.rows()] == [1, 2]
    assert await stand.rows("select slug from dead_events") == [(slug,)]


async def test_a_record_under_a_wrong_key_is_dead(stand: Stand) -> None:
    await stand.put(Outgoing(TOPIC, b"shop/c2", tick(1).encode(), {}))
    await stand.read()
    assert await stand.rows("select slug from dead_events") == [("wrong_key",)]


async def test_the_same_id_with_another_body_is_dead(stand: Stand) -> None:
    await stand.put(tick(1), tick(2, id="e1"))
    await stand.read()
    assert await stand.rows() == [("c1", 1)]
    assert await stand.rows("select slug, event_id from dead_events") == [("same_id_other_body", "e1")]


async def test_reading_the_whole_log_again_changes_nothing(stand: Stand) -> None:
    """R5: offsets lost, everything is read again; the inbox knows."""
    await stand.put(*[tick(n) for n in range(30)])
    await stand.read()
    async with stand.database.transaction() as tx:
        await tx.execute("delete from offsets")
    other = stand.another()
    await stand.read(other)
    await other.stop()
    assert other.counts.duplicates == 30
    assert len(await stand.rows()) == 30


async def test_another_cluster_stops_the_consumer_loudly(stand: Stand) -> None:
    async with stand.database.transaction() as tx:
        await tx.execute("insert into offsets values (:t, 0, 5, 'elsewhere')", t=TOPIC)
    await stand.put(tick(1))
    with pytest.raises(Exception, match="belong to Kafka cluster elsewhere"):
        await stand.read()


async def test_too_many_failures_in_a_row_blow_the_fuse_and_empty_no_topic(stand: Stand) -> None:
    stand.toy.poison = set(range(150))
    await stand.put(*[tick(n) for n in range(150)])
    consumer = stand.another(max_records=60)
    task = asyncio.create_task(consumer.run())
    while consumer.blown is None:
        await asyncio.sleep(0.05)
    await consumer.stop()
    await task
    (dead,) = (await stand.rows("select count(*) from dead_events"))[0]
    assert dead <= 100
    assert await stand.rows() == []


async def test_the_relay_publishes_in_order_and_marks_after_the_acknowledgement(stand: Stand) -> None:
    async with stand.database.transaction() as tx:
        await tx.announce([tick(n) for n in range(300)])
    relay = Relay(stand.database, stand.servers, "toy")
    task = asyncio.create_task(relay.run())
    await stand.read()
    while (await stand.rows("select count(*) from ticks"))[0] != (300,):
        await stand.consumer.step(0.2)
    await relay.stop()
    await task
    assert [n for _, n in await stand.rows("select customer, n from ticks")] == list(range(300))
    assert await stand.rows("select count(*) from outbox where published_at is null") == [(0,)]


async def test_the_relay_publishes_to_no_other_cluster(stand: Stand) -> None:
    """A port that another stack took over must not swallow facts: they would be marked and in nobody's log."""
    async with stand.database.transaction() as tx:
        await tx.execute("insert into cluster (id) values ('elsewhere')")
        await tx.announce([tick(1)])
    with pytest.raises(OffsetOutOfLog, match="publishes to Kafka cluster elsewhere"):
        await Relay(stand.database, stand.servers, "toy").run()
    assert await stand.rows("select count(*) from outbox where published_at is null") == [(1,)]
