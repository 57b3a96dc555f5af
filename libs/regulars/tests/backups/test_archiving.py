"""What two services commit and publish goes into the archive as it happens, and comes back as of any instant."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import AsyncMock, patch
from uuid import uuid4

import asyncpg
import pytest

from common.bus.broker import Outgoing, Position, Producer, Reader, Topic, ensure_topics
from common.events.topics import TOPICS
from common.storage import migrations
from common.storage.backup_slots import look_at_backups
from common.storage.database import Database
from regulars.backups.archive import BASE, Archive, write_json
from regulars.backups.archiving import Archiving
from regulars.backups.base_backups import BaseBackups
from regulars.backups.copying import CopyFailed, places, read_copy
from regulars.backups.servers import Servers
from regulars.backups.to_an_instant import NOTED, restore_folder
from regulars.stack.databases import as_role, dsn, ensure_database, in_database
from regulars.stack.errors import StackError
from regulars.stack.kafka import KafkaCluster
from regulars.stack.postgres import PostgresServer
from regulars.stack.state import Secrets

DATABASES = ("orders_ingest", "membership")
SECRETS = Secrets("pw", "A" * 43 + "=", "key", {name: "pw" for name in DATABASES})
COMMON = Path(migrations.__path__[0]) / "0001_common.sql"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


class Installation:
    """Two databases with the tables that all services have, and a broker."""

    def __init__(self, folder: Path) -> None:
        self.postgres = PostgresServer(folder / "postgres", password=SECRETS.postgres)
        self.kafka = KafkaCluster(folder / "kafka")
        self.photos = folder / "photos"

    def start(self) -> None:
        self.postgres.start()
        self.kafka.start()

    def stop(self) -> None:
        self.postgres.stop()
        self.kafka.stop()

    async def set_up(self) -> None:
        await ensure_topics(self.kafka.bootstrap_servers, [*TOPICS, Topic("intake.tea", 1)])
        for name in DATABASES:
            await ensure_database(self.postgres.url, name, "pw")
            async with self.of(name) as database:
                await database.execute(COMMON.read_text())
                await database.execute("create table photos (stored_as text)")

    def servers(self) -> Servers:
        return Servers(self.postgres.url, self.kafka.bootstrap_servers, self.photos, DATABASES)

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(dsn(in_database(self.postgres.url, name)))
        try:
            yield connection
        finally:
            await connection.close()

    async def incomplete(self) -> int:
        """How many archives a service sees that lack something."""
        url = as_role(self.postgres.url, "membership", "pw")
        database = Database(url.replace("postgresql://", "postgresql+asyncpg://"))
        try:
            async with database.transaction() as tx:
                return (await look_at_backups(tx)).incomplete
        finally:
            await database.close()

    async def commit(self, database: str, topic: str, id_: str, type_: str = "order.completed") -> None:
        event = {"id": id_, "type": type_, "shop": "tea", "subject": "c1", "time": "2026-11-30T12:00:00Z", "data": {}}
        async with self.of(database) as connection:
            await connection.execute(
                "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)"
                " values ($1, $2, 'tea/c1', $3, 'tea', $4)",
                *(id_, topic, type_, json.dumps(event)),
            )

    async def publish(self, database: str, *, mark: bool = True, only: str = "%") -> None:
        async with self.of(database) as connection:
            rows = await connection.fetch(
                "select * from outbox where published_at is null and id like $1 order by seq", only
            )
            await self.send(
                *(
                    Outgoing(
                        r["aggregatetype"],
                        b"tea/c1",
                        r["payload"].encode(),
                        {"id": r["id"].encode(), "type": r["type"].encode(), "shop": b"tea"},
                        0,
                    )
                    for r in rows
                )
            )
            if mark:
                await connection.execute(
                    "update outbox set published_at = now() where id = any($1::text[])", [r["id"] for r in rows]
                )

    async def send(self, *messages: Outgoing) -> None:
        producer = Producer(self.kafka.bootstrap_servers, client="tests")
        await producer.start()
        assert await producer.send(messages) == len(messages)
        await producer.stop(5)

    async def read_up_to(self, database: str, topic: str, next_: int) -> None:
        async with self.of(database) as connection:
            await connection.execute(
                "insert into offsets values ($1, 0, $2, 'old') on conflict (topic, partition) do update set next = $2",
                *(topic, next_),
            )

    async def values(self, topic: str) -> list[bytes]:
        """In order of their offsets."""
        reader, found = Reader(self.kafka.bootstrap_servers, topic, client="tests"), []
        try:
            while not await reader.at_end():
                found += await reader.read()
        finally:
            await reader.close()
        return [record.headers.get("id", record.value or b"") for record in found]


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Installation]:
    """Its servers, ended at the end, whatever comes."""
    installation = Installation(folder)
    try:
        await asyncio.to_thread(installation.start)
        yield installation
    finally:
        await asyncio.to_thread(installation.stop)


class Running:
    """An archiving process within the test's own."""

    def __init__(self, archive: Archive, at: Installation, **how: timedelta) -> None:
        self.said: list[str] = []
        kept = {"every": timedelta(hours=24), "keep": timedelta(days=7)} | how
        self.archiving = Archiving(archive, at.servers, say=self.said.append, **kept)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.archiving.run(SECRETS.master_key, self._stop))

    async def complete(self) -> datetime:
        """When all is in the archive that was done before this call."""
        now = datetime.now(UTC)
        async with asyncio.timeout(240):
            while self.archiving.until is None or self.archiving.until <= now:
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(0.1)
        return self.archiving.until

    async def end(self) -> None:
        self._stop.set()
        await self._task


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(240):
        while not await check():
            await asyncio.sleep(0.2)


@pytest.fixture
def root(stack_folder: Path) -> Path:
    return stack_folder / f"archiving-{uuid4().hex[:8]}"


async def test_what_was_committed_by_the_instant_is_there_and_agrees_and_nothing_else(root: Path) -> None:
    archive = Archive(root / "archive")
    archive.folder.mkdir(parents=True)
    (root / "beside").mkdir()
    async with started(root / "live") as live:
        await live.set_up()
        (live.photos / "tea").mkdir(parents=True)
        (live.photos / "tea" / "p").write_bytes(b"a photo")
        async with live.of("orders_ingest") as connection:
            await connection.execute("insert into photos values ('tea/p')")
        await live.commit("orders_ingest", "orders", "old")
        await live.publish("orders_ingest")
        async with live.of("orders_ingest") as connection:
            await connection.execute("delete from outbox")  # published long ago
        running, beside = Running(archive, live), Running(Archive(root / "beside"), live)
        await running.complete()
        await beside.complete()

        # By the instant: three are published, of which one is not marked and one was read; one waits for the relay.
        for id_ in ("read", "published", "unmarked"):
            await live.commit("orders_ingest", "orders", id_)
        await live.publish("orders_ingest", only="read")
        await live.read_up_to("membership", "orders", 2)
        async with live.of("orders_ingest") as connection:
            await connection.execute("delete from outbox where id = 'read'")
        await live.publish("orders_ingest", only="published")
        await live.publish("orders_ingest", only="unmarked", mark=False)
        await live.commit("orders_ingest", "orders", "waits")
        await live.send(*(Outgoing("intake.tea", b"", text, {}, 0) for text in (b"i0", b"i1")))
        await live.read_up_to("orders_ingest", "intake.tea", 1)
        await running.complete()
        at = datetime.now(UTC)
        await asyncio.sleep(0.1)

        # After it: what waited is published too, and comes before and behind what nobody will know of.
        await live.commit("orders_ingest", "orders", "later")
        await live.commit("membership", "membership", "earned", "points.redeemed")
        await live.publish("orders_ingest", only="later")
        await live.publish("orders_ingest", only="waits")
        await live.publish("membership")
        await live.read_up_to("membership", "orders", 6)
        await live.send(Outgoing("intake.tea", b"", b"i2", {}, 0))
        for each in (running, beside):
            await each.complete()
            await each.end()
            assert any("base backup" in line for line in each.said)
    # Kept twice: the folder of a topic whose copy lacks something comes from the other one.
    next((archive.folder / "topics" / "orders" / "all").glob("*.jsonl.gz")).unlink()
    with pytest.raises(StackError, match="whole folder of the topic back"):
        list(read_copy("orders", archive.topic("orders", "")))
    shutil.rmtree(archive.folder / "topics" / "orders")
    shutil.copytree(root / "beside" / "topics" / "orders", archive.folder / "topics" / "orders")

    said: list[str] = []
    await asyncio.to_thread(_restore, archive, at, root / "new", said)
    async with started(root / "new") as new:
        assert await new.values("orders") == [b"old", b"read", b"published", b"unmarked", b"waits"]
        assert await new.values("membership") == []
        assert await new.values("intake.tea") == [b"i1"]
        async with new.of("orders_ingest") as connection:
            rows = await connection.fetch("select id, published_at is null as waits from outbox order by seq")
            assert [tuple(row) for row in rows] == [("published", False), ("unmarked", True), ("waits", True)]
            assert await connection.fetchval("select next from offsets where topic = 'intake.tea'") == 0
        async with new.of("membership") as connection:
            assert await connection.fetchval("select count(*) from outbox") == 0
            assert await connection.fetchval("select next from offsets") == 2
            assert await connection.fetchval("select cluster from offsets") != "old"
            assert await connection.fetchval("select current_setting('restore_command')") == ""
        assert not (new.postgres.directory / "data-log").exists()
        noted = [json.loads(line)["id"] for line in (root / "new" / NOTED).read_text().splitlines()]
        assert noted == ["earned"]
        text = "\n".join(said)
        assert "lost: 1 facts of 0.0 s" in text
        assert "1 points.redeemed" in text


def _restore(archive: Archive, at: datetime | None, folder: Path, said: list[str]) -> None:
    folder.mkdir()
    restore_folder(archive, at, folder, SECRETS, said.append)


async def test_services_see_an_archive_that_lacks_something_though_its_log_is_read(root: Path) -> None:
    """The command says it to whoever reads its lines; an alert is raised by what services see."""
    archive = Archive(root / "archive")
    archive.folder.mkdir(parents=True)
    async with started(root / "live") as live:
        await live.set_up()

        async def whole() -> bool:
            return await live.incomplete() == 0

        async def lacking() -> bool:
            return not await whole()

        assert await whole(), "there is none yet"
        running = Running(archive, live)
        await until(lacking)  # the first base backup is being made
        await running.complete()
        await until(whole)
        damaged = CopyFailed(archive.topic("orders", ""), "made anew")
        running.archiving._copies._faults[("orders", "all")] = damaged
        await until(lacking)
        async with live.of("membership") as connection:
            assert await connection.fetchval("select active from pg_replication_slots"), "its log is read all the time"
        del running.archiving._copies._faults[("orders", "all")]
        await until(whole)
        await running.end()
        await until(lacking)
        overdue = Running(archive, live, every=timedelta(milliseconds=1))
        with patch.object(BaseBackups, "_take", AsyncMock(side_effect=StackError("no base backup can be made"))):
            await overdue.complete()
            assert await lacking(), "all is there, behind a base backup that gets older and older"
            await overdue.end()


async def test_killed_and_cut_off_it_goes_on_and_an_archive_that_lags_loses_no_fact(root: Path) -> None:
    """A copy that was broken off is read once; what it lacks of Kafka at the end stands in the outbox."""
    archive = Archive(root / "archive")
    archive.folder.mkdir(parents=True)
    async with started(root / "live") as live:
        await live.set_up()
        running = Running(archive, live)
        await running.complete()
        first = archive.bases()[0].name
        await live.commit("orders_ingest", "orders", "a")
        await live.publish("orders_ingest")
        await live.send(Outgoing("intake.tea", b"", b"Ann, 1 Lane", {}, 0))
        await running.complete()
        intake = archive.topic("intake.tea", first)
        assert list(intake.glob("*.gz")), "it was not read yet"
        await live.read_up_to("orders_ingest", "intake.tea", 1)
        await running.complete()
        await running.complete()
        assert not list(intake.glob("*.gz")), "read, it stands in plain nowhere in the archive (decision 0102)"
        await running.end()
        (copy,) = sorted(archive.topic("orders", first).glob("*.jsonl.gz"))
        copy.write_bytes(copy.read_bytes()[:-8])  # as kill -9 leaves it
        await asyncio.to_thread(live.postgres.restart)
        await live.commit("orders_ingest", "orders", "b")
        await live.publish("orders_ingest")
        again = Running(archive, live, every=timedelta(seconds=5), keep=timedelta(seconds=2))
        async with asyncio.timeout(240):
            while first in (names := [base.name for base in archive.bases()]):
                await asyncio.sleep(0.2)
        await again.complete()
        assert not list(archive.folder.glob(f"topics/*/{first}")), "keys of before go with their base backup"
        async with asyncio.timeout(60):  # the log of before goes, too
            while min(file.name[:24] for file in archive.wal.glob("0*")) != archive.bases()[0].segment:
                await asyncio.sleep(0.2)
        await again.end()
        folder = archive.topic("orders", names[-1])
        assert [record.offset for record in read_copy("orders", folder)] == [0, 1]
        assert places("orders", folder)[Position("orders", 0)] == 2
        # Published and in PostgreSQL's log, and the copy of the topic was not written any more.
        lines = sorted(folder.glob("*.jsonl.gz"))
        lines[-1].unlink()
        (folder / "places.json").write_text('{"0": 1}')
        last = archive.bases()[-1]
        ends = last.ends | {Position("orders", 0): 1}
        write_json(archive.base(last.name) / BASE, replace(last, ends=ends).to_json())
        until = archive.until()
        assert until is not None
        (archive.folder / "status.json").write_text(json.dumps({"until": (until - timedelta(minutes=5)).isoformat()}))
        async with started(root / "other") as other:
            with pytest.raises(StackError, match="another installation"):
                await Running(archive, other).complete()
    said: list[str] = []
    await asyncio.to_thread(_restore, archive, None, root / "new", said)
    async with started(root / "new") as new:
        assert await new.values("orders") == [b"a"]
        async with new.of("orders_ingest") as connection:
            waits = await connection.fetch("select id from outbox where published_at is null")
        assert [row["id"] for row in waits] == ["b"], "the relay publishes it again"
        assert any("orders-ingest" in line and "1 facts are published again" in line for line in said), said
