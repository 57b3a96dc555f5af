"""What is unread counts by the database, whichever process holds its partition, or none."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from common.bus import backlog
from common.bus.backlog import MANY, Backlog
from common.bus.broker import BrokerUnavailable, LogEnds, Outgoing, Position
from common.bus.consumer import EventConsumer
from common.storage.database import Transaction
from common.work.sweeps import Job, Sweeper

from .toy import Stand, tick


def at(partition: int, stand: Stand, n: int) -> Outgoing:
    event = tick(n, f"c{partition}")
    return Outgoing(stand.topic, event.key.encode(), event.encode(), {}, partition)


async def share(first: EventConsumer, second: EventConsumer) -> None:
    """Until each of the two members of one group holds partitions."""
    while not (first.broker.assigned and second.broker.assigned):
        await asyncio.gather(first.step(0.2), second.step(0.2))


async def test_a_record_that_lies_unread_with_another_process_holds_sweeps_back(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: two processes, one frozen. Who is due after the record came is not touched before it is read."""
    monkeypatch.setattr(backlog, "LOOK_EVERY_S", 0.0)
    ours = stand.another()
    frozen = stand.another(group=ours.broker._member.group)
    await share(ours, frozen)
    theirs = min(frozen.broker.assigned).partition
    before = await stand.backlog.read_until()
    assert before is not None, "nothing is unread"
    await stand.put(at(theirs, stand, 1))
    due = datetime.now(UTC)
    downgraded: list[bool] = []

    async def review(tx: Transaction, now: datetime, limit: int) -> int:
        if now < due or downgraded:
            return 0
        downgraded.append(await tx.value("select count(*) from ticks") == 0)
        return 1

    sweeper = Sweeper(stand.database, [Job("review", review)], read_until=stand.backlog.read_until)
    for _ in range(5):
        await ours.step(0.1)
        assert await sweeper.sweep(patiently=True) == 0
    assert await stand.backlog.lag() == 1
    while not downgraded:
        await frozen.step(0.2)
        await sweeper.sweep(patiently=True)
    assert downgraded == [False], "the order was counted first"
    await ours.stop()
    await frozen.stop()


async def test_a_process_without_a_consumer_sees_what_was_never_read_by_any(stand: Stand) -> None:
    """`serve --only sweeps`: a partition without a stored offset is unread from its first record on."""
    assert await stand.backlog.read_until() is not None
    await stand.put(at(0, stand, 1), at(1, stand, 2))
    assert await stand.backlog.lag() == 2
    fresh = Backlog(stand.database, stand.backlog._topics, stand.servers, client="sweeps")
    assert await fresh.read_until() is None, "how far the log is read is not known before its end was reached once"
    await stand.read()
    assert await fresh.read_until() is not None
    await fresh.close()


async def test_what_has_just_come_lets_go_on_what_was_due_before_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "LOOK_EVERY_S", 0.0)
    known = await stand.backlog.read_until()
    await stand.put(tick(1))
    assert await stand.backlog.read_until() == known
    assert await stand.backlog.read_until() == known
    await stand.read()
    now = await stand.backlog.read_until()
    assert now is not None
    assert known is not None
    assert now > known


async def test_while_many_records_are_unread_nothing_is_swept(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member who was advanced to now is folded anew with every older order that still comes."""
    monkeypatch.setattr(backlog, "LOOK_EVERY_S", 0.0)
    assert await stand.backlog.read_until() is not None
    await stand.put(*[tick(n) for n in range(MANY + 1)])
    assert await stand.backlog.read_until() is None
    while not await stand.consumer.step(1.0):
        pass
    assert await stand.backlog.read_until() is None, "until all is read that was unread then"
    await stand.read()
    assert await stand.backlog.read_until() is not None


async def test_kafka_is_asked_seldom(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    ends = LogEnds.ends

    async def counted(self: LogEnds, topics: object) -> object:
        asked.append(topics)
        return await ends(self, topics)  # type: ignore[arg-type]

    monkeypatch.setattr(LogEnds, "ends", counted)
    monkeypatch.setattr(backlog, "LOOK_EVERY_S", 3600.0)
    for _ in range(20):
        assert await stand.backlog.read_until() is not None
    assert len(asked) == 1
    monkeypatch.setattr(backlog, "LOOK_EVERY_S", 0.0)
    await stand.put(tick(1))
    for _ in range(20):
        await stand.backlog.read_until()
    assert len(asked) == 2, "what the last answer knew of is not read yet"


async def test_a_topic_that_is_missing_has_nothing_unread_and_a_broker_that_is_away_is_said(stand: Stand) -> None:
    async def topics() -> list[str]:
        return [stand.topic, f"missing-{uuid.uuid4().hex[:8]}"]

    found = Backlog(stand.database, topics, stand.servers, client="toy")
    assert await found.lag() == 0
    await found.close()
    away = Backlog(stand.database, topics, "127.0.0.1:1", client="toy")
    began = datetime.now(UTC)
    with pytest.raises(BrokerUnavailable):
        await away.read_until()
    assert datetime.now(UTC) - began < timedelta(minutes=1), "every question has its deadline"


async def test_what_retention_has_deleted_is_no_lag(stand: Stand) -> None:
    """A partition that was never read starts where its log does: a stack would never settle otherwise."""
    await stand.put(*[at(0, stand, n) for n in range(20)])
    admin = AIOKafkaAdminClient(bootstrap_servers=stand.servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(stand.topic, 0): RecordsToDelete(before_offset=20)})
    finally:
        await admin.close()
    assert await stand.backlog.lag() == 0


async def test_the_end_of_a_transaction_is_no_record(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop's own producer may write in transactions: nothing would ever fall due."""
    producer = AIOKafkaProducer(bootstrap_servers=stand.servers, transactional_id=stand.topic)
    await producer.start()
    async with producer.transaction():
        first = at(0, stand, 1)
        await producer.send_and_wait(stand.topic, first.value, key=first.key, partition=0)
    await producer.stop()
    while not await stand.rows():
        await stand.consumer.step(0.2)
    assert await stand.backlog.lag() == 1, "it may be a record"
    assert await stand.backlog.read_until() is None
    monkeypatch.setattr(backlog, "STILL_S", 0.0)
    assert await stand.backlog.lag() == 0
    assert await stand.backlog.read_until() is not None
    await stand.put(at(0, stand, 2), at(0, stand, 3))
    assert [await stand.backlog.lag() for _ in range(2)] == [2, 2]
    await stand.read()
    assert await stand.backlog.lag() == 0


async def test_a_large_load_that_was_aborted_holds_nothing_up(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many offsets hold no record, they are passed, and what comes behind them counts."""
    await stand.read()
    producer = AIOKafkaProducer(bootstrap_servers=stand.servers, transactional_id=stand.topic)
    await producer.start()
    async with asyncio.timeout(120):
        await producer.begin_transaction()
        for _ in range(MANY + 100):
            await producer.send(stand.topic, b"nothing", key=b"tea/c1", partition=0)
        await producer.flush()
        await producer.abort_transaction()
        await producer.stop()
        place = Position(stand.topic, 0)
        while (await stand.backlog._ends.ends([stand.topic]))[place] <= MANY:
            pass  # the end of the transaction is still being written
        monkeypatch.setattr(backlog, "STILL_S", 0.0)
        while await stand.backlog.lag() > 0:
            pass
        await stand.put(at(0, stand, 1))
        while (lag := await stand.backlog.lag()) == 0:
            pass
    assert lag == 1
