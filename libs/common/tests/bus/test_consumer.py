"""Every event counts exactly once: one service's consumer on a real Kafka and PostgreSQL."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from common.bus.broker import Outgoing, Position, Record
from common.bus.consumer import EventConsumer, NotStoppedThere
from common.bus.parts import Item
from common.bus.subscriptions import Batch
from common.events import NewerVersion
from common.refusals import Refusal
from common.storage.database import Transaction
from common.storage.failures import Unavailable

from .toy import Stand, Ticked, tick


async def test_the_age_of_every_event_that_counts_is_observed_once(stand: Stand) -> None:
    """XCT-006: metrics; a repeat has no age."""
    name, labels = "event_age_seconds_count", {"consumer": stand.database.service}
    before = REGISTRY.get_sample_value(name, labels) or 0
    await stand.put(tick(1), tick(2), tick(2))
    await stand.read()
    assert (REGISTRY.get_sample_value(name, labels) or 0) - before == 2


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

    await asyncio.gather(*(_read_all(stand, c) for c in others))
    assert await stand.rows() == sorted([(f"c{n % 7}", n) for n in range(200)], key=lambda r: r[1])


async def test_nothing_is_passed_over_when_the_first_batch_fails_before_its_transaction(stand: Stand) -> None:
    """What was polled and not handled is read again, of partitions that have no stored offset too."""
    failures = [Unavailable("the database is away"), ConnectionResetError("reset")]

    async def admit(_shops: set[str]) -> dict[str, Refusal]:
        if failures:
            raise failures.pop()
        return {}

    await stand.put(*[tick(n, f"c{n}") for n in range(30)])
    other = stand.another(admit=admit)
    await _read_all(stand, other)
    assert not failures
    assert sorted(n for _, n in await stand.rows()) == list(range(30))


async def test_a_batch_whose_database_is_lost_is_done_again_before_what_comes_after_it(stand: Stand) -> None:
    """What is away is waited for, and nothing is passed over (R2)."""
    sizes: list[int] = []

    async def losing(tx: Transaction, batch: Batch) -> None:
        sizes.append(len(batch.events))
        await stand.toy.on_ticks(tx, batch)
        if len(sizes) == 1:
            await tx.execute("select pg_terminate_backend(pg_backend_pid())")

    stand.consumer = stand.another(losing)
    await stand.put(*[tick(n) for n in range(5)])
    while not await stand.consumer.step():
        pass
    await stand.put(*[tick(n) for n in range(5, 10)])
    await stand.read()
    assert [n for _, n in await stand.rows()] == list(range(10))
    assert sizes[:2] == [5, 5], "the same ones again, and whole: it was no fault of theirs"


async def test_a_fenced_batch_gives_back_the_partitions_that_were_never_stored(stand: Stand) -> None:
    """One partition was taken by another member meanwhile; the others of the batch are read again from their first."""
    await stand.put(*[Outgoing(stand.topic, tick(n).key.encode(), tick(n).encode(), {}, n % 3) for n in range(30)])
    other = stand.another()
    read, overtaking = other._reader.read, {0}

    async def overtaken(records: Sequence[Record], cluster: str) -> list[Item]:
        if overtaking:
            overtaking.clear()
            async with stand.database.transaction() as tx:
                await tx.execute("insert into offsets values (:t, 0, 10, :cluster)", t=stand.topic, cluster=cluster)
                await tx.copy("ticks", ("customer", "n"), [("c1", n) for n in range(0, 30, 3)])
        return await read(records, cluster)

    other._reader.read = overtaken  # type: ignore[method-assign]
    await _read_all(stand, other)
    assert [n for _, n in await stand.rows()] == list(range(30))


async def _read_all(stand: Stand, consumer: EventConsumer) -> None:
    task = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(60):
            while not consumer.broker.assigned or await stand.backlog.lag():
                await asyncio.sleep(0.05)
    finally:
        await consumer.stop()
        await task


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
        await tx.execute("insert into offsets values (:t, 0, 5, 'elsewhere')", t=stand.topic)
    await stand.put(tick(1))
    with pytest.raises(Exception, match="belong to Kafka cluster elsewhere"):
        await stand.read()


async def test_an_event_of_a_newer_release_stops_reading_and_is_not_buried(stand: Stand) -> None:
    """In a rolling upgrade the newer processes read what the newer ones write."""
    newer = tick(2).encode().replace(b'"time"', b'"dataschema":"/schemas/toy.ticked/2","time"')
    await stand.put(tick(1), Outgoing(stand.topic, b"shop/c1", newer, {}), tick(3))
    task = asyncio.create_task(stand.consumer.run())
    while stand.consumer.outdated is None:
        await asyncio.sleep(0.05)
    assert "toy.ticked is read in versions 1 to 1, not 2" in stand.consumer.outdated
    assert f"({stand.topic}/" in stand.consumer.outdated, "the operator is told where it stands"
    assert await stand.rows() == [("c1", 1)], "what stands before it counts"
    assert await stand.rows("select slug from dead_events") == []
    assert stand.consumer.stopped == f"stopped: {stand.consumer.outdated}"
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


async def test_an_event_of_a_newer_version_that_is_buried_is_passed_over(stand: Stand) -> None:
    """A bogus record must not stop a service for ever, and nothing else can be thrown away this way."""
    newer = tick(2).encode().replace(b'"time"', b'"dataschema":"/schemas/toy.ticked/9","time"')
    await stand.put(tick(1), Outgoing(stand.topic, b"shop/c1", newer, {}), tick(3))
    with pytest.raises(NewerVersion):
        await stand.read()
    item = stand.consumer._stopped_at
    assert item is not None
    place = Position(stand.topic, item.record.partition)
    async with stand.database.transaction() as tx:
        with pytest.raises(NotStoppedThere):
            await stand.consumer.bury_newer(tx, place, item.record.offset - 1)
        await stand.consumer.bury_newer(tx, place, item.record.offset)
        await stand.consumer.bury_newer(tx, place, item.record.offset)
    assert await stand.rows("select slug, shop, customer from dead_events") == [("unknown_version", "shop", "c1")]
    await stand.consumer.stop()
    restarted = stand.another()
    await stand.read(restarted)
    await restarted.stop()
    assert await stand.rows() == [("c1", 1), ("c1", 3)]
    assert await stand.rows("select count(*) from dead_events") == [(1,)]


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

    stand.consumer = stand.another(slow)
    await stand.put(*[tick(n) for n in range(20)])
    await stand.read()
    assert [n for _, n in await stand.rows()] == [n for n in range(20) if n != 7]
    assert await stand.rows("select slug, event_id from dead_events") == [("handler_failed", "e7")]
    assert sizes[0] == 20


async def test_events_that_were_written_in_order_to_two_partitions_are_handled_in_order(stand: Stand) -> None:
    """None of them is late, though a poll brings one partition after the other."""
    seen: list[int] = []

    async def note(tx: Transaction, batch: Batch) -> None:
        seen.extend(event.data.n for event in batch.events)

    stand.consumer = stand.another(note)
    await stand.put(*[Outgoing(stand.topic, tick(n).key.encode(), tick(n).encode(), {}, n % 3) for n in range(30)])
    await stand.read()
    assert seen == sorted(seen)
