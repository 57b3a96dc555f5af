"""Whatever connects can be cancelled at any moment, and leaves no connection behind."""

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable

import pytest

from common.bus.broker import BrokerUnavailable, Position, Producer, Reader, cluster_id
from common.bus.broker.connecting import end_tasks_and_connections
from common.bus.broker.session import probe

from .conftest import Offsets, World

MOMENTS = 24
STEP_S = 0.0008


async def _producer(world: World) -> None:
    producer = Producer(world.servers, client="cancelled")
    try:
        await producer.start()
    finally:
        await producer.stop()


async def _consumer(world: World) -> None:
    consumer = world.consumer(world.topics[0], on_assigned=Offsets())
    try:
        await consumer.start()
        await consumer.poll(0.01)
    finally:
        await consumer.stop()


async def _reader(world: World) -> None:
    reader = Reader(world.servers, world.topics[0], client="cancelled")
    try:
        await reader.read(0.01)
        await reader.lag()
    finally:
        await reader.close()


async def _probe(world: World) -> None:
    member = world.consumer(world.topics[0], on_assigned=Offsets())._member
    await probe(member, [Position(world.topics[0], 0)], 10)


async def _cluster(world: World) -> None:
    await cluster_id(world.servers)


@pytest.mark.parametrize("connects", [_producer, _consumer, _reader, _probe, _cluster])
async def test_a_cancelled_start_leaves_no_connection(
    connects: Callable[[World], Awaitable[None]], world: World
) -> None:
    await world.topic()
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for moment in range(MOMENTS):
            task = asyncio.ensure_future(connects(world))
            await asyncio.sleep(moment * STEP_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and (error := task.exception()) is not None:
                assert isinstance(error, BrokerUnavailable)
            del task
            gc.collect()
    left = [str(each.message) for each in seen if "Unclosed" in str(each.message)]
    assert left == []


async def test_a_cancellation_within_the_client_is_not_taken_for_the_callers() -> None:
    """aiokafka's close gathers reading tasks, one of which may have been cancelled: that ended whole services."""

    class Client:
        async def close(self) -> None:
            raise asyncio.CancelledError

    await end_tasks_and_connections([], Client())


async def test_a_reader_that_is_closed_after_a_record_leaves_no_connection(world: World) -> None:
    """Taking a record wakes the fetcher, which asks for more over a new connection where the old one is closed."""
    await world.topic()
    await world.publish(world.topics[0], [b"1", b"2"])
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(MOMENTS):
            reader = Reader(world.servers, world.topics[0], client="closed")
            while not await reader.read(5):
                pass
            await reader.close()
            del reader
        await asyncio.sleep(1)
        gc.collect()
    assert [str(each.message) for each in seen if "Unclosed" in str(each.message)] == []
