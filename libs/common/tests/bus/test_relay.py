"""The relay's batches, closed topics, and its lock when it is frozen. Without a Kafka."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from itertools import takewhile
from typing import cast

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.bus import relay
from common.bus.broker import Outgoing, Producer
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


async def test_a_session_that_its_host_left_gives_its_locks_back(connection: AsyncConnection) -> None:
    """The relay's advisory lock, and rows, are held no longer than a minute by a host that vanished."""
    rows = await connection.execute(text("select name, source from pg_settings where name like 'tcp_keepalives%'"))
    # Who set it: the value itself reads 0 over a Unix socket.
    assert {row.name: row.source for row in rows} == {
        "tcp_keepalives_count": "client",
        "tcp_keepalives_idle": "client",
        "tcp_keepalives_interval": "client",
    }
