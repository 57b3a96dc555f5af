"""The producer counts what Kafka has acknowledged, and comes back after every fault."""

import asyncio
import contextlib
import os
from collections import Counter
from typing import Any

import pytest
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.protocol.produce import ProduceRequest

from common.bus.broker import BrokerUnavailable, MessageRefused, Outgoing, Producer

from .conftest import HANG_S, Offsets, World, next_batch, read, until


def outgoing(topic: str, count: int, start: int = 0, size: int = 0) -> list[Outgoing]:
    return [Outgoing(topic, b"key", b"%04d" % n + b"x" * size) for n in range(start, start + count)]


async def everything_in(world: World, topic: str, count: int) -> list[bytes]:
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    await read(consumer, offsets, count)
    return offsets.applied


async def test_messages_of_one_key_stand_in_the_order_sent(world: World) -> None:
    topic = await world.topic(4)
    assert await world.producer.send(outgoing(topic, 500, size=2000)) == 500
    assert [value[:4] for value in await everything_in(world, topic, 500)] == [b"%04d" % n for n in range(500)]
    assert await world.producer.send([]) == 0


async def test_each_partition_gets_what_is_its_own_by_the_hash_of_the_key_in_one_batch(world: World) -> None:
    """The Java client, and aiokafka by itself, would put each key in the same place."""
    topic = await world.topic(12)
    keys = [f"shop/{number % 50}".encode() for number in range(400)]
    assert await world.producer.send([Outgoing(topic, key, b"%04d" % n) for n, key in enumerate(keys)]) == 400
    # What is answered is counted by aiokafka for each partition: the records of its one batch.
    numbers = world.producer._inner._txn_manager._sequence_numbers
    expected = Counter(DefaultPartitioner()(key, list(range(12)), list(range(12))) for key in keys)
    assert {partition.partition: count for partition, count in numbers.items()} == expected
    offsets = Offsets()
    await read(world.consumer(topic, on_assigned=offsets), offsets, 400)
    for key in set(keys):
        mine = [value for value in offsets.applied if keys[int(value)] == key]
        assert mine == sorted(mine)


@pytest.mark.parametrize("cut", ["before the answer", "before the request"])
async def test_a_connection_that_is_cut_loses_doubles_and_reorders_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    """aiokafka sends the same batch again under the same number, and Kafka knows whether it has it."""
    topic = await world.topic(3)
    await world.producer.start()
    client = world.producer._inner.client
    sending, requests = client.send, 0

    async def send(node: int, request: Any, **options: Any) -> Any:
        nonlocal requests
        if not isinstance(request, ProduceRequest):
            return await sending(node, request, **options)
        requests += 1
        if requests % 2 and cut == "before the request":
            raise KafkaConnectionError("cut")
        answer = await sending(node, request, **options)
        if requests % 2:
            for connection in list(client._conns.values()):
                connection.close()
            raise KafkaConnectionError("cut")
        return answer

    monkeypatch.setattr(client, "send", send)
    # More than one batch of each partition holds, so that there are several rounds.
    messages = [Outgoing(topic, b"key-%d" % (n % 9), b"%04d" % n + os.urandom(20_000)) for n in range(120)]
    assert await world.producer.send(messages, HANG_S) == 120
    assert requests >= 4
    assert world.producer.recreated == 0, "aiokafka itself came back, with its numbers"
    offsets = Offsets()
    await read(world.consumer(topic, on_assigned=offsets), offsets, 120)
    numbers = [int(value[:4]) for value in offsets.applied]
    assert sorted(numbers) == list(range(120))
    for key in range(9):
        mine = [number for number in numbers if number % 9 == key]
        assert mine == sorted(mine)


async def test_a_batch_that_kafka_refuses_is_not_overtaken_by_the_next_of_its_partition(world: World) -> None:
    """Kafka takes any number as a new producer's first in a partition, so only waiting keeps the order."""
    topic = await world.topic(1, **{"max.message.bytes": "200000"})
    # The first batch is larger than the topic takes, each record of it is not; the second one is small.
    messages = [Outgoing(topic, b"key", b"%04d" % n + os.urandom(40_000)) for n in range(6)]
    messages += [Outgoing(topic, b"key", b"%04d" % n + os.urandom(20_000)) for n in range(6, 9)]
    assert await world.producer.send(messages, HANG_S) == 9
    assert [value[:4] for value in await everything_in(world, topic, 9)] == [b"%04d" % n for n in range(9)]


async def test_the_largest_message_of_a_topic_can_be_sent_and_read(world: World) -> None:
    """K22: what a topic takes, one fetch can carry."""
    topic = await world.topic(1, **{"max.message.bytes": str(4 * 1024 * 1024)})
    noise = bytes(range(256)) * 4 * 1024 * 3
    assert await world.producer.send([Outgoing(topic, b"key", noise), *outgoing(topic, 1)]) == 2
    consumer = world.consumer(topic, on_assigned=Offsets())
    assert (await next_batch(consumer)).records[0].value == noise


@pytest.mark.parametrize("size", [5_000_000, 200_000], ids=["beyond the producer's limit", "beyond the topic's limit"])
async def test_a_message_that_is_too_large_stops_behind_the_good_ones_and_is_named(world: World, size: int) -> None:
    """The caller can put it aside, and go on with the next."""
    topic = await world.topic(1, **{"max.message.bytes": "100000"})
    # Random enough that no compression hides the size.
    large = Outgoing(topic, b"large", os.urandom(size))
    good = outgoing(topic, 3)
    sent = 0
    while sent < 3:
        sent += await world.producer.send([*good, large, *outgoing(topic, 2, 3)][sent:])
    assert sent == 3
    with pytest.raises(MessageRefused, match="large"):
        await world.producer.send([large, *outgoing(topic, 2, 3)])
    assert await world.producer.send(outgoing(topic, 2, 3)) == 2
    values = await everything_in(world, topic, 5)
    assert sorted(set(values)) == [b"%04d" % n for n in range(5)]


@pytest.mark.parametrize("error", [TopicAuthorizationFailedError, InvalidTopicError, UnknownTopicOrPartitionError])
async def test_a_topic_that_is_forbidden_or_missing_is_waited_for_and_named(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """An operator mends the rights; a message that was called refused would never be sent again."""

    class Inner:
        async def partitions_for(self, topic: str) -> set[int]:
            raise error

    async def opened(self: Producer, timeout_s: float) -> Inner:
        return Inner()

    monkeypatch.setattr(Producer, "_open", opened)
    producer = Producer("nowhere", client="test")
    assert await producer.send(outgoing("orders", 2)) == 0
    assert error.__name__ in (producer.failed or "")
    assert producer.closed_topic == "orders"


async def test_a_frozen_broker_neither_hangs_the_producer_nor_loses_the_rest(world: World) -> None:
    """K7: aiokafka never gives a batch of an idempotent producer up."""
    topic = await world.topic()
    assert await world.producer.send(outgoing(topic, 10)) == 10
    with world.frozen():
        async with asyncio.timeout(HANG_S):
            assert await world.producer.send(outgoing(topic, 10, 10), 1) == 0
            with pytest.raises(BrokerUnavailable):
                await world.producer.send(outgoing(topic, 10, 10), 1)
            await world.producer.stop(1)
    assert await world.producer.send(outgoing(topic, 10, 10)) == 10
    # Of the first attempt nothing is known: it may be in the log as well.
    values = await everything_in(world, topic, 20)
    assert sorted(set(values)) == [b"%04d" % n for n in range(20)]


async def test_what_was_given_up_is_not_sent_later_behind_our_back(world: World) -> None:
    """K7: a cancelled send leaves nothing in a buffer that lives on."""
    topic = await world.topic()
    assert await world.producer.send(outgoing(topic, 1)) == 1
    inner = world.producer._inner
    with world.frozen():
        sending = asyncio.create_task(world.producer.send(outgoing(topic, 1, 1), HANG_S))
        await until(lambda: inner._sender._muted_partitions)
        # This one is not in flight yet: the partition is busy with the one before.
        second = asyncio.create_task(world.producer.send(outgoing(topic, 1, 2), HANG_S))
        await until(lambda: inner._message_accumulator._batches)
        for task in (second, sending):
            task.cancel()
            await asyncio.wait({task}, timeout=HANG_S)
            assert task.cancelled()
    assert await world.producer.send(outgoing(topic, 1, 3)) == 1
    await asyncio.sleep(3)
    assert await world.producer.send(outgoing(topic, 1, 4)) == 1
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    while b"0004" not in offsets.applied:
        offsets.apply(await next_batch(consumer))
    assert set(offsets.applied) - {b"0001"} == {b"0000", b"0003", b"0004"}


async def test_a_wedged_sequence_is_cured_by_a_new_producer(world: World) -> None:
    """K8: OutOfOrderSequenceNumber lasts until the producer is made anew."""
    topic = await world.topic()
    assert await world.producer.send(outgoing(topic, 5)) == 5
    numbers = world.producer._inner._txn_manager._sequence_numbers
    for partition in list(numbers):
        numbers[partition] += 7
    assert await world.producer.send(outgoing(topic, 5, 5)) == 0
    assert await world.producer.send(outgoing(topic, 5, 5)) == 5
    assert await everything_in(world, topic, 10) == [b"%04d" % n for n in range(10)]
    assert world.producer.recreated == 1


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(world: World) -> None:
    """K9, K17, XCT-006: the producer comes back by itself, whatever state the kill left it in."""
    topic = await world.topic(3)
    acknowledged = await world.producer.send(outgoing(topic, 50))
    await asyncio.to_thread(world.kafka.kill)
    async with asyncio.timeout(HANG_S):
        with contextlib.suppress(BrokerUnavailable):
            assert await world.producer.send(outgoing(topic, 50, 50), 1) == 0
        with pytest.raises(BrokerUnavailable):
            await world.producer.send(outgoing(topic, 50, 50), 1)
    await asyncio.to_thread(world.kafka.restart)
    acknowledged += await world.producer.send(outgoing(topic, 50, 50), 20)
    assert acknowledged == 100
    assert sorted(set(await everything_in(world, topic, 100))) == [b"%04d" % n for n in range(100)]


async def test_a_producer_that_never_reached_kafka_says_so_and_stops(world: World) -> None:
    producer = Producer("127.0.0.1:9", client="test")
    with pytest.raises(BrokerUnavailable):
        await producer.start()
    await producer.stop()
