"""The consumer neither loses nor hangs when the broker is frozen or killed, or aiokafka is stuck."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.group_coordinator import GroupCoordinator

from common.bus.broker import BrokerUnavailable, Consumer, NoProgress, Position

from .conftest import HANG_S, Offsets, World, next_batch, read, until


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%04d" % number for number in range(start, start + count)]


def inner(consumer: Consumer) -> Any:
    """aiokafka's own consumer: faults are put into it, it is never replaced."""
    assert consumer._session is not None
    return consumer._session._inner


async def struck(consumer: Consumer) -> None:
    """The watchdog has thrown the first inner consumer away, and gives the next one all the time it needs."""
    await until(lambda: consumer._strikes == 1, consumer)
    consumer._watchdog_s = HANG_S


@contextmanager
def corrupted(log: Path) -> Iterator[None]:
    """The last byte of the log is another one on disk, so that its checksum is wrong."""
    with log.open("r+b") as file:
        file.seek(-1, 2)
        byte = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([byte[0] ^ 0xFF]))
        file.flush()
        try:
            yield
        finally:
            file.seek(-1, 2)
            file.write(byte)


async def test_a_corrupt_batch_loses_no_records_of_other_partitions(world: World) -> None:
    """K1, K19, K5: aiokafka drops what it had drained already; the consumer is made anew from the rows."""
    topic = await world.topic(6, **{"segment.bytes": "1048576"})
    for partition in range(6):
        await world.publish(topic, numbered(20, 100 * partition), partition)
    log = world.kafka.nodes[0].folder / "data" / f"{topic}-3" / f"{0:020}.log"
    # A segment is allocated beyond its end only in its indexes, so the last byte belongs to the last record.
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    failures: list[str] = []
    with corrupted(log):
        async with asyncio.timeout(HANG_S):
            while len(failures) < 5:
                try:
                    if batch := await consumer.poll(0.3):
                        assert offsets.apply(batch)
                except BrokerUnavailable as error:
                    failures.append(str(error))
    await read(consumer, offsets, 120)
    assert sorted(offsets.applied) == [value for p in range(6) for value in numbered(20, 100 * p)]
    assert all("Corrupt" in said for said in failures)
    assert consumer.recreated == len(failures)


async def test_poll_and_stop_return_while_the_group_cannot_be_shared_out(world: World) -> None:
    """K4, K6, K18: with the broker frozen in the middle of joining, aiokafka waits without limit."""
    topic = await world.topic()
    consumer = world.consumer(topic, on_assigned=Offsets())
    await consumer.start()
    with world.frozen():
        async with asyncio.timeout(HANG_S):
            for _ in range(3):
                assert await consumer.poll(0.2) is None
            waiting = asyncio.create_task(consumer.poll(10 * HANG_S))
            await asyncio.sleep(0.1)
            await consumer.stop(1)
            assert await waiting is None


async def test_a_commit_that_gets_no_answer_is_refused_and_reading_goes_on_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6: aiokafka's commit would wait as long as the broker stands still."""
    monkeypatch.setattr("common.bus.broker.consumer.COMMIT_WAIT_S", 1.0)
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    await read(consumer, offsets, 10)
    with world.frozen():
        async with asyncio.timeout(HANG_S):
            assert await consumer.commit(offsets.rows) is False
    await world.publish(topic, numbered(10, 10))
    await read(consumer, offsets, 20)
    assert offsets.applied == numbered(20)


async def test_reading_goes_on_while_the_coordinator_gives_no_answer_and_the_last_position_is_committed_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3: the partitions' leaders live, only the group's coordinator is on its way to another broker."""
    monkeypatch.setattr("common.bus.broker.consumer.COMMIT_WAIT_S", 0.2)
    monkeypatch.setattr("common.bus.broker.consumer.COMMIT_TIMEOUT_S", HANG_S)
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    await read(consumer, offsets, 10)
    commit, moved = inner(consumer).commit, asyncio.Event()

    async def wait_and_commit(nexts: Any) -> None:
        await moved.wait()
        await commit(nexts)

    monkeypatch.setattr(inner(consumer), "commit", wait_and_commit)
    for _ in range(5):
        assert await consumer.commit(offsets.rows) is False
        await world.publish(topic, numbered(10, len(offsets.applied)))
        await read(consumer, offsets, len(offsets.applied) + 10)
    moved.set()
    assert consumer.recreated == 0
    for committed in (50, 60):  # of the five that were asked for together, the last; then what came afterwards
        async with asyncio.timeout(HANG_S):
            while await inner(consumer).committed(TopicPartition(topic, 0)) != committed:
                await asyncio.sleep(0.05)
        await consumer.commit(offsets.rows)


async def test_a_commit_without_an_answer_for_long_makes_the_consumer_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6"""
    monkeypatch.setattr("common.bus.broker.consumer.COMMIT_WAIT_S", 0.2)
    monkeypatch.setattr("common.bus.broker.consumer.COMMIT_TIMEOUT_S", 1.0)
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    await read(consumer, offsets, 10)
    monkeypatch.setattr(inner(consumer), "commit", lambda _: asyncio.Event().wait())
    while consumer.recreated == 0:
        assert await consumer.commit(offsets.rows) is False
        await consumer.poll(0.2)
    await world.publish(topic, numbered(10, 10))
    await read(consumer, offsets, 20)
    assert offsets.applied == numbered(20)


async def test_after_three_refused_commits_the_consumer_is_made_anew(world: World) -> None:
    """K16: a member that the group does not know any more must not try for ever."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()
    # The group waits for the member it knows for one second only, before it lets the same one in as another.
    consumer = world.consumer(topic, on_assigned=offsets, rebalance_timeout_ms=1000)
    await read(consumer, offsets, 10)
    for refused in range(3):
        await until(lambda: bool(consumer.assigned), consumer)
        assert consumer.recreated == 0
        inner(consumer)._coordinator.generation += 100
        assert await consumer.commit(offsets.rows) is False, refused
    await world.publish(topic, numbered(10, 10))
    await read(consumer, offsets, 20)
    assert consumer.recreated == 1
    assert await consumer.commit(offsets.rows) is True


async def test_reading_goes_on_after_the_broker_was_killed(world: World) -> None:
    """K15, K17: and every record is applied once."""
    topic = await world.topic(3)
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets, max_records=10)
    await world.publish(topic, numbered(100))
    await read(consumer, offsets, 50)
    await asyncio.to_thread(world.kafka.kill)
    await asyncio.to_thread(world.kafka.restart)
    await world.publish(topic, numbered(100, 100))
    await read(consumer, offsets, 200)
    assert sorted(offsets.applied) == numbered(200)


@pytest.mark.parametrize("stuck", [1, 2], ids=["a new one helps", "a new one does not help"])
async def test_a_consumer_whose_fetcher_is_stuck_is_replaced_once(world: World, stuck: int) -> None:
    """K15: no error and no record, though Kafka has more. What a new consumer does not mend, a new process may."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()

    async def rows(positions: Sequence[Position]) -> Mapping[Position, int]:
        found = await offsets(positions)
        if offsets.asked <= stuck:
            inner(consumer)._fetcher._fetch_task.cancel()
        return found

    consumer = world.consumer(topic, on_assigned=rows, watchdog_s=1.0)
    if stuck == 1:
        await struck(consumer)
        await read(consumer, offsets, 10)
        assert offsets.applied == numbered(10)
    else:
        with pytest.raises(NoProgress):
            await next_batch(consumer)
    assert consumer.recreated == 1


async def test_a_member_that_never_gets_an_assignment_is_replaced(world: World) -> None:
    """K15: the group is shared out for longer than any member may rightly take."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets, watchdog_s=0.5, rebalance_timeout_ms=500)
    await consumer.start()
    # The search for the group's coordinator never begins, as in the reports of consumers that stay silent.
    await inner(consumer)._coordinator._coordinator_lookup_lock.acquire()
    await struck(consumer)
    await read(consumer, offsets, 10)
    assert consumer.recreated == 1


async def test_a_task_of_aiokafka_that_ends_is_no_cancellation_of_ours(world: World) -> None:
    """K19: its error comes again at every call, so the consumer is made anew."""
    topic = await world.topic()
    await world.publish(topic, numbered(10))
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    await consumer.start()
    inner(consumer)._coordinator._coordination_task.cancel()
    await read(consumer, offsets, 10)
    assert consumer.recreated == 1


async def test_an_outage_of_the_broker_is_no_stall(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O2: however long Kafka is away, the process stays."""
    monkeypatch.setattr("common.bus.broker.consumer.CALL_TIMEOUT_S", 4.0)
    topic = await world.topic()
    offsets = Offsets()
    consumer = world.consumer(topic, on_assigned=offsets)
    await until(lambda: bool(consumer.assigned), consumer)
    consumer._watchdog_s = 0.5
    temporary = 0
    with world.frozen():
        async with asyncio.timeout(HANG_S):
            while temporary < 3:
                try:
                    assert await consumer.poll(0.2) is None
                except BrokerUnavailable:
                    temporary += 1
    consumer._watchdog_s = HANG_S  # the group waits for the member that could not leave
    await world.publish(topic, numbered(10))
    await read(consumer, offsets, 10)
    assert offsets.applied == numbered(10)


async def test_an_idle_topic_and_a_paused_consumer_are_no_stall(world: World) -> None:
    """K14, K15: nothing to read, or nothing wanted, is progress."""
    topic = await world.topic(2)
    consumer = world.consumer(topic, on_assigned=Offsets())
    await until(lambda: bool(consumer.assigned) and not consumer._stalled_s, consumer)
    consumer._watchdog_s = 3.0
    for _ in range(20):
        assert await consumer.poll(0.2) is None
    await consumer.pause()
    await world.publish(topic, numbered(3), partition=1)
    for _ in range(20):
        assert await consumer.poll(0.2) is None
    assert consumer.recreated == 0
    assert consumer.seconds_since_progress < 3
    await consumer.resume()
    assert (await next_batch(consumer)).nexts == {Position(topic, 1): 3}


async def test_a_leader_whose_metadata_know_nothing_shares_nothing_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a broker died; with aiokafka's own assignor the topic would be nobody's for five minutes."""
    topic = await world.topic(2)
    await world.publish(topic, [b"a"], partition=0)
    perform, knowing = GroupCoordinator._perform_assignment, list[Any]()

    async def perform_without_metadata(coordinator: Any, response: Any) -> Any:
        if knowing:
            return await perform(coordinator, response)
        knowing.append(coordinator._cluster)
        coordinator._cluster = ClusterMetadata()
        try:
            return await perform(coordinator, response)
        finally:
            (coordinator._cluster,) = knowing

    monkeypatch.setattr(GroupCoordinator, "_perform_assignment", perform_without_metadata)
    consumer = world.consumer(topic, on_assigned=(offsets := Offsets()))
    await read(consumer, offsets, 1)
    assert consumer.recreated == 1
