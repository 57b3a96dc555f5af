"""Every event counts exactly once: one service's consumer on a real Kafka and PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from prometheus_client import REGISTRY

from common.bus.broker import OffsetOutOfLog, Outgoing, Producer, Record, Topic, ensure_topics
from common.bus.consumer import MANY, EventConsumer
from common.bus.dead import DeadRecord, bury
from common.bus.fuse import Fuse, FuseBlown
from common.bus.relay import Relay
from common.bus.subscriptions import Batch, RawSubscription, RawTaken, Subscription
from common.crypto.keys import erase_keys
from common.events import EVENTS, Event, EventData
from common.storage.database import Database, Transaction
from regulars.testing import MigratedDatabase, SharedKafka

TOPIC = "toy-" + uuid.uuid4().hex[:8]


class Ticked(EventData):
    TYPE: ClassVar[str] = "toy.ticked"
    TOPIC: ClassVar[str] = TOPIC
    n: int


def tick(n: int, customer: str = "c1", **more: Any) -> Event[Ticked]:
    time = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
    return Event(more.pop("id", f"e{n}"), "/shops/shop/toy", "shop", customer, time, Ticked(n=n))


class Tocked(Ticked):
    """A type whose every event fails."""

    TYPE: ClassVar[str] = "toy.tocked"


def _tock(n: int) -> bytes:
    return tick(n, id=f"t{n}").encode().replace(b"toy.ticked", b"toy.tocked")


@dataclass
class Toy:
    """A service that writes each event it counts as a row; poison is what it cannot handle."""

    poison: set[int] = field(default_factory=set)
    calls: int = 0

    async def on_ticks(self, tx: Transaction, batch: Batch) -> None:
        self.calls += 1
        if any(isinstance(event.data, Tocked) for event in batch.events):
            raise ZeroDivisionError("tock")
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
        subscriptions = (Subscription(self.toy.on_ticks, (Ticked, Tocked)),)
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
    monkeypatch.setattr(Tocked, "TOPIC", TOPIC)
    monkeypatch.setitem(EVENTS, Ticked.TYPE, Ticked)
    monkeypatch.setitem(EVENTS, Tocked.TYPE, Tocked)
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
        (tick(1).encode().replace(b'"time"', '"dataschema":"/schemas/toy/²","time"'.encode()), "unknown_version"),
        (tick(1).encode().replace(b'"n":1', b'"n":"one"'), "invalid_data"),
        (None, "malformed_json"),
    ],
)
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


async def test_a_type_that_always_fails_blows_the_fuse_though_others_succeed(stand: Stand) -> None:
    """A deploy that breaks one type of event must not empty that type into the dead letters."""
    stand.consumer._fuse = Fuse(5)
    tocked = [Outgoing(TOPIC, b"shop/c1", _tock(n), {}) for n in range(20)]
    await stand.put(*[each for n in range(20) for each in (tick(n), tocked[n])])
    with pytest.raises(FuseBlown, match=r"6 events toy\.tocked in a row failed"):
        await stand.read()


async def test_bad_data_of_callers_never_touches_the_fuse(stand: Stand) -> None:
    stand.consumer._fuse = Fuse(5)
    await stand.put(*[Outgoing(TOPIC, b"shop/c1", b"{not json", {}) for _ in range(20)], tick(1))
    await stand.read()
    assert await stand.rows() == [("c1", 1)]
    assert await stand.rows("select count(*) from dead_events") == [(20,)]


async def test_an_event_of_a_newer_release_stops_reading_and_is_not_buried(stand: Stand) -> None:
    """In a rolling upgrade the newer processes read what the newer ones write."""
    newer = tick(2).encode().replace(b'"time"', b'"dataschema":"/schemas/toy.ticked/2","time"')
    await stand.put(tick(1), Outgoing(TOPIC, b"shop/c1", newer, {}), tick(3))
    task = asyncio.create_task(stand.consumer.run())
    while stand.consumer.outdated is None:
        await asyncio.sleep(0.05)
    assert "toy.ticked is read in versions 1 to 1, not 2" in stand.consumer.outdated
    assert await stand.rows() == [("c1", 1)], "what stands before it counts"
    assert await stand.rows("select slug from dead_events") == []
    assert not stand.consumer.broker.assigned, "the partitions are left to a newer process"
    Ticked.VERSION = 2
    try:
        upgraded = stand.another()
        await stand.read(upgraded)
        await upgraded.stop()
    finally:
        Ticked.VERSION = 1
    assert await stand.rows() == [("c1", 1), ("c1", 2), ("c1", 3)]
    await stand.consumer.stop()
    await task


async def test_a_batch_slower_than_our_own_deadline_is_halved_until_it_fits(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same batch would be too slow for ever; five records at a time are not."""
    monkeypatch.setattr("common.storage.database.UNIT_OF_WORK_S", 1.0)
    sizes = []

    async def slow(tx: Transaction, batch: Batch) -> None:
        sizes.append(len(batch.events))
        for event in batch.events:
            # On the server, so that no lock is held by the loop: 3 s for all, 10 s for what nobody can mend.
            await tx.execute("select pg_sleep(:s)", s=10 if event.data.n == 7 else 0.15)
        await stand.toy.on_ticks(tx, batch)

    stand.consumer._subscriptions = (Subscription(slow, (Ticked,)),)
    await stand.put(*[tick(n) for n in range(20)])
    await stand.read()
    assert [n for _, n in await stand.rows()] == [n for n in range(20) if n != 7]
    assert await stand.rows("select slug, event_id from dead_events") == [("handler_failed", "e7")]
    assert sizes[0] == 20


async def test_a_raw_record_that_its_handler_cannot_take_is_dead_and_the_rest_goes_on(stand: Stand) -> None:
    """One poison on a shop's intake topic costs one dead letter, not everybody's intake."""
    taken: list[bytes] = []

    async def on_raw(tx: Transaction, records: list[Record]) -> RawTaken:
        if any(r.value == b"poison" for r in records):
            raise ValueError("invalid literal for int() with base 10: '\u00b2'")
        taken.extend(r.value or b"" for r in records)
        return RawTaken(fresh=len(records))

    group = f"toy-{uuid.uuid4().hex[:8]}"
    consumer = EventConsumer(
        stand.database, stand.servers, group, (), (RawSubscription(on_raw, (TOPIC,)),), seal=lambda b: b
    )
    await stand.put(*[Outgoing(TOPIC, b"k", value, {}) for value in (b"one", b"poison", b"three")])
    await stand.read(consumer)
    await consumer.stop()
    assert taken == [b"one", b"three"]
    assert await stand.rows("select slug from dead_events") == [("handler_failed",)]
    assert consumer.paused is None


async def test_a_name_that_cannot_be_stored_does_not_keep_a_record_from_being_buried(stand: Stand) -> None:
    async def on_raw(tx: Transaction, records: list[Record]) -> RawTaken:
        return RawTaken(dead=[DeadRecord(r, "refused", "a\x00b", "shop", event_id="e\x00" * 900) for r in records])

    consumer = EventConsumer(
        stand.database,
        stand.servers,
        f"toy-{uuid.uuid4().hex[:8]}",
        (),
        (RawSubscription(on_raw, (TOPIC,)),),
        seal=lambda b: b,
    )
    await stand.put(Outgoing(TOPIC, b"k", b"x", {}))
    await stand.read(consumer)
    await consumer.stop()
    assert await stand.rows("select slug, detail from dead_events") == [("refused", "a\ufffdb")]


async def test_events_that_were_written_in_order_to_two_partitions_are_handled_in_order(stand: Stand) -> None:
    """None of them is late, though a poll brings one partition after the other."""
    seen: list[int] = []

    async def note(tx: Transaction, batch: Batch) -> None:
        seen.extend(event.data.n for event in batch.events)

    stand.consumer._subscriptions = (Subscription(note, (Ticked,)),)
    await stand.put(*[Outgoing(TOPIC, tick(n).key.encode(), tick(n).encode(), {}, n % 3) for n in range(30)])
    await stand.read()
    assert seen == sorted(seen)


async def test_what_retention_has_deleted_is_no_lag(stand: Stand) -> None:
    """A partition that was never read starts where its log does: a stack would never settle otherwise."""
    await stand.put(*[Outgoing(TOPIC, tick(n).key.encode(), tick(n).encode(), {}, 0) for n in range(20)])
    admin = AIOKafkaAdminClient(bootstrap_servers=stand.servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(TOPIC, 0): RecordsToDelete(before_offset=20)})
    finally:
        await admin.close()
    while not stand.consumer.broker.assigned:
        await stand.consumer.step(0.5)
    await stand.consumer.step(0.5)
    assert await stand.consumer.lag() == 0


async def test_dead_records_of_another_cluster_at_the_same_offset_are_other_records(stand: Stand) -> None:
    async with stand.database.transaction() as tx:
        for cluster in ("one", "one", "two"):
            record = Record(TOPIC, 0, 5, b"shop/c1", b"{}", {}, 0)
            await bury(tx, [DeadRecord(record, "malformed_json", "not JSON")], bytes, cluster)
    assert await stand.rows("select cluster from dead_events order by 1") == [("one",), ("two",)]


async def test_erasure_removes_the_bodies_of_the_customers_dead_events(stand: Stand) -> None:
    """E-mail and remark of an erased person must not outlive them here; what dies later keeps no body either."""
    poisoned = Outgoing(TOPIC, b"shop/c1", b"{not json", {})
    await stand.put(poisoned, Outgoing(TOPIC, b"shop/c2", b"{not json", {}))
    await stand.read()
    async with stand.database.transaction() as tx:
        await erase_keys(tx, {("shop", "c1"): datetime(2026, 1, 1, tzinfo=UTC)})
    await stand.put(poisoned)
    await stand.read()
    assert await stand.rows("select customer, body is null from dead_events order by dead_id") == [
        ("c1", True),
        ("c2", False),
        ("c1", True),
    ]


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
