"""Whatever connects can be cancelled at any moment, and leaves no connection behind."""

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable

import pytest

from common.bus.broker import BrokerUnavailable, Outgoing, Position, Producer, Reader, cluster_id
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


async def test_a_reader_that_is_closed_while_it_fetches_does_not_go_on(world: World) -> None:
    """The fetcher asks again, over a new connection, a moment after the old one was closed beneath it.

    That moment is over before closing ends where the machine is busy; here there is none.
    """
    await world.topic()
    before = asyncio.all_tasks()
    for _ in range(MOMENTS):
        reader = Reader(world.servers, world.topics[0], client="closed")
        await reader.read(0.01)
        reader._inner._fetcher._retry_backoff = 0
        await reader.close()
    await asyncio.sleep(0.1)  # a transport ends a turn later
    assert asyncio.all_tasks() - before == set()


async def test_a_producer_that_is_dropped_while_it_sends_does_not_go_on(world: World) -> None:
    """As with the fetcher: aiokafka's sender would send again what it was dropped with."""
    await world.topic()
    before = asyncio.all_tasks()
    for _ in range(3):
        producer = Producer(world.servers, client="dropped")
        await producer.start()
        producer._inner._sender._retry_backoff = 0
        with world.frozen():
            assert await producer.send([Outgoing(world.topics[0], b"k", b"v")], 0.3) == 0
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() - before == set()
