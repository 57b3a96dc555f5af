"""The relay's batches, closed topics, and its lock when it is frozen. Without a Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from itertools import takewhile
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from common.bus import rebuilding, relay, republishing
from common.bus.broker import BrokerUnavailable, Outgoing, Producer
from common.bus.relay import Relay
from common.storage.database import Database


class Taking:
    """A Kafka that acknowledges everything and remembers how much it was given at a time."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.keys: list[bytes | None] = []
        self.forbidden: set[str] = set()
        self.closed_topic: str | None = None
        self.failed: str | None = None

    async def send(self, messages: Sequence[Outgoing]) -> int:
        open_ = list(takewhile(lambda m: m.topic not in self.forbidden, messages))
        self.closed_topic = messages[len(open_)].topic if len(open_) < len(messages) else None
        messages = open_
        self.batches.append(sum(len(m.value or b"") for m in messages))
        self.keys += [m.key for m in messages]
        return len(messages)


@pytest_asyncio.fixture
async def connection(db: Database) -> AsyncIterator[AsyncConnection]:
    async with db.engine.connect() as plain:
        yield await plain.execution_options(isolation_level="AUTOCOMMIT")


async def test_a_batch_is_bounded_by_bytes_and_a_larger_fact_goes_alone(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH_BYTES", 1_000)
    sizes = [300, 300, 300, 300, 2_500, 10, 10]
    async with db.transaction() as tx:
        for number, size in enumerate(sizes):
            await tx.execute(
                """
                insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
                values ('x', 't', cast(cast(:number as integer) as text), 'x', 's', repeat('p', :size))
                """,
                number=number,
                size=size,
            )
    taking = Taking()
    while await Relay(db, "nowhere", "toy").step(connection, cast(Producer, taking)):
        pass
    assert taking.batches == [900, 300, 2_500, 20]
    assert taking.keys == [str(number).encode() for number in range(7)]


async def test_a_step_says_whether_it_may_have_left_something(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one that has not, the relay waits to be woken: a look that finds nothing costs as much as one that does."""
    monkeypatch.setattr(relay, "BATCH", 3)
    await facts(db, 5, published=False)
    kafka, relay_, found = Taking(), Relay(db, "nowhere", "toy"), []
    while done := await relay_.step(connection, cast(Producer, kafka)):
        found.append((done, relay_._more))
    assert found == [(3, True), (2, False)]


async def test_a_database_that_is_being_rebuilt_publishes_nothing(db: Database, connection: AsyncConnection) -> None:
    """A4: until it has ended, whoever runs a relay on it."""
    async with db.transaction() as tx:
        await tx.execute(
            "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)"
            " values ('x', 't', 'k', 'x', 's', 'p')"
        )
        await rebuilding.begin(tx, uuid4())
    kafka, relay_ = Taking(), Relay(db, "nowhere", "toy")
    assert await relay_.step(connection, cast(Producer, kafka)) == 0
    assert kafka.keys == []
    async with db.transaction() as tx:
        await rebuilding.end(tx)
    assert await relay_.step(connection, cast(Producer, kafka)) == 1


async def test_a_forbidden_topic_keeps_its_own_facts_waiting_and_no_others(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order of each key stays; what waits is neither marked nor refused, and goes once the topic is open."""
    async with db.transaction() as tx:
        for number in range(12):
            await tx.execute(
                """
                insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
                values ('x', :topic, cast(cast(:number as integer) as text), 'x', 's', 'p')
                """,
                topic="orders" if number % 3 else "customers",
                number=number,
            )
    kafka, relay_, waiting = Taking(), Relay(db, "nowhere", "toy"), "select aggregateid from outbox where %s order by 1"
    kafka.forbidden = {"customers"}
    while await relay_.step(connection, cast(Producer, kafka)):
        pass
    assert kafka.keys == [b"%d" % number for number in range(12) if number % 3]
    async with db.transaction() as tx:
        left = await tx.fetch(waiting % "published_at is null and refused is null")
    assert [row.aggregateid for row in left] == ["0", "3", "6", "9"]
    kafka.forbidden = set()
    assert await relay_.step(connection, cast(Producer, kafka)) == 0, "it is tried again after a pause"
    now = time.monotonic()
    monkeypatch.setattr("common.bus.relay.time.monotonic", lambda: now + relay.CLOSED_S + 1)
    assert await relay_.step(connection, cast(Producer, kafka)) == 4
    assert kafka.keys[8:] == [b"0", b"3", b"6", b"9"]
    async with db.transaction() as tx:
        assert await tx.fetch(waiting % "published_at is null") == []


async def test_a_broker_that_takes_only_part_in_time_is_sent_less_until_it_takes_it(
    db: Database, connection: AsyncConnection
) -> None:
    """All of a batch is counted or nothing, so a whole one that is never through would be sent for ever."""
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
            select 'x', 't', cast(number as text), 'x', 's', 'p' from generate_series(1, 40) as number
            """
        )

    class Slow(Taking):
        async def send(self, messages: Sequence[Outgoing]) -> int:
            return await super().send(messages) if len(messages) <= 5 else 0

    kafka, relay_, failures = Slow(), Relay(db, "nowhere", "toy"), 0
    while len(kafka.keys) < 40:
        try:
            await relay_.step(connection, cast(Producer, kafka))
        except BrokerUnavailable:
            failures += 1
            assert failures < 12, "each costs the whole deadline"
    assert kafka.keys == [b"%d" % number for number in range(1, 41)]


async def facts(db: Database, count: int, *, published: bool, topic: str = "t") -> None:
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into outbox (id, aggregatetype, aggregateid, type, shop, payload, published_at)
            select 'x', :topic, cast(number as text), 'x', 's', 'p', case when :published then now() end
            from generate_series(1, :count) as number
            """,
            count=count,
            published=published,
            topic=topic,
        )


async def waiting(db: Database) -> tuple[int, bool]:
    """Facts not published, and whether facts are being sent again."""
    async with db.transaction() as tx:
        return (
            await tx.value("select count(*) from outbox where published_at is null"),
            await republishing.progress(tx) is not None,
        )


async def test_what_is_sent_again_goes_in_order_before_what_is_new_and_a_kill_loses_no_place(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH", 4)
    await facts(db, 10, published=True)
    async with db.transaction() as tx:
        await republishing.begin(tx)
    await facts(db, 3, published=False)
    kafka = Taking()
    assert await Relay(db, "nowhere", "toy").step(connection, cast(Producer, kafka)) == 4
    async with db.transaction() as tx:
        seen = await republishing.progress(tx)
        await republishing.begin(tx)  # said once more, it goes on
        assert await republishing.progress(tx) == seen
    assert seen == republishing.Progress(1, 4, 10)
    another = Relay(db, "nowhere", "toy")
    while await another.step(connection, cast(Producer, kafka)):
        pass
    assert kafka.keys == [b"%d" % number for number in (*range(1, 11), 1, 2, 3)]
    assert await waiting(db) == (0, False)


async def test_of_what_is_sent_again_a_closed_topic_waits_and_what_was_refused_is_tried(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH", 4)
    for topic in ("orders", "customers", "orders"):
        await facts(db, 3, published=True, topic=topic)
    async with db.transaction() as tx:
        await tx.execute("update outbox set refused = 'once', published_at = null where seq = 2")
        await republishing.begin(tx)
    kafka, relay_ = Taking(), Relay(db, "nowhere", "toy")
    kafka.forbidden = {"customers"}
    while await relay_.step(connection, cast(Producer, kafka)):
        pass
    assert list(dict.fromkeys(kafka.keys)) == [b"1", b"2", b"3"]
    assert await waiting(db) == (3, False)
    kafka.forbidden, kafka.keys = set(), []
    now = time.monotonic()
    monkeypatch.setattr("common.bus.relay.time.monotonic", lambda: now + relay.CLOSED_S + 1)
    assert await relay_.step(connection, cast(Producer, kafka)) == 3
    assert kafka.keys == [b"1", b"2", b"3"]


async def test_a_million_published_facts_make_the_next_page_no_slower(
    db: Database, connection: AsyncConnection
) -> None:
    """What waits is found by the index of what waits, in every partition, and no published row is looked at."""
    await facts(db, 2_000, published=True)
    await facts(db, 3, published=False)
    await connection.execute(text("analyze outbox"))
    plan = await connection.execute(
        text("explain (format json, analyze) " + relay._UNPUBLISHED), {"limit": 1000, "bytes": 10**9, "closed": []}
    )
    said = str(plan.scalar())
    assert "outbox_" in said
    assert "Rows Removed by Filter': 2000" not in said


async def test_a_holder_that_was_frozen_while_it_read_rows_sends_none_of_them(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session was ended meanwhile: another holder has published these rows, and later ones of the same keys."""
    async with db.transaction() as tx:
        await tx.execute(_FACT)
    session = (await connection.execute(text("select pg_backend_pid()"))).scalar()
    async with db.transaction() as tx:
        await tx.execute("select pg_terminate_backend(:pid, 5000)", pid=session)
    kafka, relay_ = Taking(), Relay(db, "nowhere", "toy")
    row = SimpleNamespace(slot=0, seq=1, id="x", aggregatetype="t", aggregateid="k", type="x", shop="s", payload="p")
    with pytest.raises(DBAPIError):
        await relay_._publish(connection, cast(Producer, kafka), [row], time.monotonic() - relay.STALE_S - 1)
    assert kafka.keys == []


async def test_a_holder_keeps_its_session_while_kafka_is_slow(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a slow Kafka would cost every holder its lock, and each batch would be sent for ever."""
    monkeypatch.setattr(relay, "LOOK_S", 0.05)
    session = (await connection.execute(text("select pg_backend_pid()"))).scalar()
    async with db.transaction() as tx:
        await tx.execute(_FACT)

    class Slow(Taking):
        """Takes as long as it takes the session to be used three times."""

        async def send(self, messages: Sequence[Outgoing]) -> int:
            used = set[Any]()
            while len(used) <= 3:
                async with db.transaction() as tx:
                    used.add(await tx.value("select query_start from pg_stat_activity where pid = :pid", pid=session))
            return await super().send(messages)

    async with asyncio.timeout(60):
        assert await Relay(db, "nowhere", "toy").step(connection, cast(Producer, Slow())) == 1


async def test_a_send_ends_with_the_session_that_holds_the_lock(
    db: Database, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LOOK_S", 0.05)
    async with db.transaction() as tx:
        await tx.execute(_FACT)
    session, cancelled = (await connection.execute(text("select pg_backend_pid()"))).scalar(), list[bool]()

    class Stuck(Taking):
        async def send(self, messages: Sequence[Outgoing]) -> int:
            async with db.transaction() as tx:
                await tx.execute("select pg_terminate_backend(:pid)", pid=session)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            return 0

    with pytest.raises(DBAPIError):
        await Relay(db, "nowhere", "toy").step(connection, cast(Producer, Stuck()))
    assert cancelled == [True]


_FACT = """
insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) values ('x', 't', 'k', 'x', 's', 'p')
"""


async def test_a_session_that_its_host_left_gives_its_locks_back(connection: AsyncConnection) -> None:
    """The relay's advisory lock, and rows, are held no longer than a minute by a host that vanished."""
    rows = await connection.execute(text("select name, source from pg_settings where name like 'tcp_keepalives%'"))
    # Who set it: the value itself reads 0 over a Unix socket.
    assert {row.name: row.source for row in rows} == {
        "tcp_keepalives_count": "client",
        "tcp_keepalives_idle": "client",
        "tcp_keepalives_interval": "client",
    }
