"""The consumer reads everything, once, from where the database says."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from common.bus.broker import Batch, OffsetOutOfLog, Outgoing, Position

from .conftest import Offsets, World, next_batch, read, until


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%04d" % number for number in range(start, start + count)]


async def committed(world: World, topic: str) -> int | None:
    """What Kafka knows of the group's position in the topic's only partition."""
    reader: Any = AIOKafkaConsumer(bootstrap_servers=world.servers, group_id=world.group, enable_auto_commit=False)
    await reader.start()
    try:
        return await reader.committed(TopicPartition(topic, 0))  # type: ignore[no-any-return]
    finally:
        await reader.stop()


async def delete_before(world: World, topic: str, offset: int) -> None:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=world.servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def test_a_batch_tells_what_was_read_and_the_next_one_continues_it(world: World) -> None:
    """K23: a batch is never larger than max_records."""
    topic = await world.topic(3)
    await world.publish(topic, numbered(50))
    consumer = world.consumer(topic, on_assigned=Offsets(), max_records=7)
    stood: dict[Position, int] = {}
    seen: list[bytes] = []
    while len(seen) < 50:
        batch = await next_batch(consumer)
        assert len(batch.records) <= 7
        order = [(record.partition, record.offset) for record in batch.records]
        assert order == sorted(order)
        assert dict(batch.starts) == {p: stood.get(p, 0) for p in batch.starts}
        stood.update(batch.nexts)
        seen += [record.value or b"" for record in batch.records]
    assert sorted(seen) == numbered(50)
    assert consumer.recreated == 0


async def test_bytes_headers_and_tombstones_arrive_as_they_were_sent(world: World) -> None:
    """K1: nothing is decoded inside aiokafka, so no value can make it lose others."""
    topic = await world.topic()
    sent = [Outgoing(topic, b"k", b"\xff\x00", {"type": b"order.paid"}), Outgoing(topic, b"k", None)]
    assert await world.producer.send(sent) == 2
    records: list[Any] = []
    consumer = world.consumer(topic, on_assigned=Offsets())
    while len(records) < 2:
        records += (await next_batch(consumer)).records
    assert [(r.value, r.headers) for r in records] == [(b"\xff\x00", {"type": b"order.paid"}), (None, {})]


async def test_the_database_row_counts_and_not_the_offset_that_kafka_has(world: World) -> None:
    """K2, K3: only what is passed is committed; a row before or behind it wins."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    first = world.consumer(topic, on_assigned=Offsets())
    batch = await next_batch(first)
    assert await committed(world, topic) is None
    assert await first.commit({Position(topic, 0): 4})
    await first.stop()
    assert await committed(world, topic) == 4
    stored = Offsets({Position(topic, 0): 7})
    again = await next_batch(world.consumer(topic, on_assigned=stored))
    assert (again.starts, again.records[0].offset) == ({Position(topic, 0): 7}, 7)
    assert batch.records[0].offset == 0


@pytest.mark.parametrize("stored", [2, 11], ids=["before its start", "beyond its end"])
async def test_a_row_outside_the_log_stops_the_consumer_loudly(world: World, stored: int) -> None:
    """K3: no silent jump to another offset."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    await delete_before(world, topic, 5)
    with pytest.raises(OffsetOutOfLog, match=rf"{topic}\[0\]: position {stored}, log 5 to 10"):
        await next_batch(world.consumer(topic, on_assigned=Offsets({Position(topic, 0): stored})))


async def test_records_deleted_under_a_running_consumer_stop_it_loudly(world: World) -> None:
    """K3: the broker's OffsetOutOfRange while fetching is no log line either."""
    topic = await world.topic()
    consumer = world.consumer(topic, on_assigned=Offsets())
    await until(lambda: bool(consumer.assigned), consumer)
    await consumer.pause()
    await world.publish(topic, numbered(10))
    await delete_before(world, topic, 5)
    await consumer.resume()
    with pytest.raises(OffsetOutOfLog):
        await next_batch(consumer)


async def test_an_error_while_asking_for_the_rows_is_raised_and_nothing_is_skipped(world: World) -> None:
    """K12: aiokafka would log it and read from its own idea of the position."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets({Position(topic, 0): 3})
    failing = True

    async def rows(positions: Any) -> Any:
        if failing:
            raise ConnectionError("the database is away")
        return await offsets(positions)

    consumer = world.consumer(topic, on_assigned=rows)
    with pytest.raises(ConnectionError):
        await next_batch(consumer)
    failing = False
    assert (await next_batch(consumer)).starts == {Position(topic, 0): 3}
    assert consumer.recreated == 1


async def test_the_callback_may_ask_the_consumer_itself(world: World) -> None:
    """K11: it runs outside of aiokafka's listener, so it cannot deadlock with it."""
    topic = await world.topic()
    await world.publish(topic, numbered(1))

    async def rows(positions: Any) -> Any:
        assert await consumer.cluster_id() == (world.kafka.directory / "cluster-id").read_text()
        return dict.fromkeys(positions, 0)

    consumer = world.consumer(topic, on_assigned=rows)
    assert len((await next_batch(consumer)).records) == 1


async def test_a_poll_that_is_cancelled_loses_nothing(world: World) -> None:
    """K5: the fetch goes on, and the next poll takes what it brought."""
    topic = await world.topic()
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets, max_records=5)
    await until(lambda: bool(consumer.assigned), consumer)
    for round_ in range(20):
        poll = asyncio.create_task(consumer.poll(5))
        await asyncio.sleep(0.002)
        await world.publish(topic, numbered(5, 5 * round_))
        poll.cancel()
        (taken,) = await asyncio.gather(poll, return_exceptions=True)
        if isinstance(taken, Batch):
            assert offsets.apply(taken)
    await read(consumer, offsets, 100)
    assert offsets.applied == numbered(100)
    assert consumer.recreated == 0


async def test_a_paused_consumer_stays_in_the_group_and_goes_on_where_it_stood(world: World) -> None:
    """K14: what was fetched already is read again after the pause."""
    topic = await world.topic()
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets, max_records=5)
    await until(lambda: bool(consumer.assigned), consumer)
    await world.publish(topic, numbered(20))
    assert offsets.apply(await next_batch(consumer))
    await consumer.pause()
    for _ in range(5):
        assert await consumer.poll(0.1) is None
    assert len(offsets.applied) < 20
    await consumer.resume()
    await read(consumer, offsets, 20)
    assert offsets.applied == numbered(20)


async def test_a_seek_takes_effect_on_the_next_poll(world: World) -> None:
    """The batch of a fence that failed is dropped by seeking back to the row."""
    topic = await world.topic(2)
    await world.publish(topic, numbered(10), partition=0)
    await world.publish(topic, numbered(10), partition=1)
    consumer = world.consumer(topic, on_assigned=Offsets(), max_records=4)
    await next_batch(consumer)
    await consumer.seek({Position(topic, 0): 8, Position(topic, 1): 9, Position("not-held", 0): 1})
    starts: dict[Position, int] = {}
    while len(starts) < 2:
        starts |= (await next_batch(consumer)).starts
    assert starts == {Position(topic, 0): 8, Position(topic, 1): 9}


async def test_two_members_share_the_partitions_and_apply_each_record_once(world: World) -> None:
    """K10, K20: by the range assignor one partition number of all topics goes to one member."""
    orders, customers = await world.topic(3), await world.topic(3)
    offsets = Offsets()
    first = world.consumer(orders, customers, on_assigned=offsets, max_records=3)
    await world.publish(orders, numbered(100))
    await read(first, offsets, 10)
    second = world.consumer(orders, customers, on_assigned=offsets, max_records=3)
    await world.publish(customers, numbered(100, 100))
    while len(offsets.applied) < 200:
        for member in (first, second):
            if batch := await member.poll(0.1):
                offsets.apply(batch)
    assert sorted(offsets.applied) == numbered(200)
    await until(lambda: {len(first.assigned), len(second.assigned)} == {2, 4}, first, second)
    for member in (first, second):
        held = {topic: {p.partition for p in member.assigned if p.topic == topic} for topic in (orders, customers)}
        assert held[orders] == held[customers]
