"""The command `rebuild`: what it refuses, and what keeps a database from being served meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from common.bus import rebuilding as mark
from common.bus.broker import Record
from common.bus.dead import list_buried
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Service, build_runtime
from common.process.settings import Settings
from common.service.live import Live
from common.service.rebuilding import Rebuild, rebuild
from common.service.refusing import CannotRebuild
from common.service.starting import REBUILDING, await_database
from common.storage.database import Database
from common.storage.migrate import migrate
from regulars.testing import EmptyDatabase

TOY = Service("toy", Path("nowhere"))
KEY = "an-operators-key-of-tests"


@pytest.fixture
async def settings(database: EmptyDatabase) -> Settings:
    url = await database()
    await migrate(url)
    return Settings(
        database_url=url.replace("+asyncpg", ""),
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",  # type: ignore[arg-type]
        bootstrap_api_key=KEY,  # type: ignore[arg-type]
    )


async def execute(settings: Settings, *statements: str) -> None:
    database = Database(settings.database_url)
    async with database.transaction() as tx:
        for statement in statements:
            await tx.execute(statement)
    await database.close()


async def test_a_database_with_data_is_no_rebuild(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Restored from a backup, or live: it is refused and left as it is."""
    await execute(settings, "insert into customers (shop, customer) values ('tea', 'ann')")
    assert await rebuild(TOY, settings) == 1
    assert "has data (in customers)" in capsys.readouterr().out
    database = Database(settings.database_url)
    async with database.transaction() as tx:
        assert not await mark.is_rebuilding(tx)
    await database.close()


@pytest.mark.parametrize(
    ("left", "refusal"),
    [
        ("insert into outbox (id, shop, aggregatetype, aggregateid, type, payload)"
         " values ('a', 'tea', 'toy', 'tea/ann', 'toy.ticked', '')", "1 facts that it did not publish"),
        ("insert into long_histories (shop, customer) values ('tea', 'ann')", "late news of 1 customers"),
    ],
)  # fmt: skip
async def test_nothing_is_finished_while_the_live_service_has_work_left(
    settings: Settings, left: str, refusal: str
) -> None:
    """R5: what it has not published, or not folded, would be missing."""
    live = Live(settings.database_url, "toy")
    await live.check_stopped()
    await execute(settings, left)
    with pytest.raises(CannotRebuild, match=refusal):
        await live.check_stopped()


async def test_what_an_operator_buried_stops_no_rebuild_either(settings: Settings, database: EmptyDatabase) -> None:
    """R5: an event of a version that no release wrote stands on the topic for good; what is dead by itself is found."""
    buried = """
        insert into dead_events (cluster, topic, partition, "offset", shop, customer, slug, detail, body)
        values ('k', 'orders', 3, 17, 'tea', 'ann', 'unknown_version', 'version 99', '\\x00ff'),
               ('k', 'orders', 3, 18, null, null, 'unknown_version', 'version 99', null),
               ('k', 'orders', 3, 19, 'tea', 'ann', 'invalid_event', 'no data', '\\x01')
    """
    await execute(settings, buried)
    url = await database()
    await migrate(url)
    beside = Database(url)
    for _ in range(2):  # the command is called at least twice
        await Live(settings.database_url, "toy").take_buried(beside)
    async with beside.transaction() as tx:
        kept = await tx.fetch('select "offset", shop, customer, slug, body from dead_events order by "offset"')
        read = [Record("orders", 3, offset, None, b"", {}, 0) for offset in (16, 17, 18, 19)]
        assert [record.offset for record in await list_buried(tx, read, "k")] == [17, 18]
    assert [tuple(row) for row in kept] == [
        (17, "tea", "ann", "unknown_version", b"\x00\xff"),
        (18, None, None, "unknown_version", None),
    ]
    await beside.close()


async def test_only_one_process_rebuilds_a_database(settings: Settings) -> None:
    one, other = (Rebuild(TOY, settings, None, lambda *_, **__: None) for _ in range(2))
    async with one._alone():
        with pytest.raises(CannotRebuild):
            async with other._alone():
                pass
    async with other._alone():
        pass
    await one.close()
    await other.close()


async def test_a_process_that_was_taken_over_writes_nothing_more(settings: Settings) -> None:
    """Its session, and with it the lock, may be lost while it goes on."""
    database = Database(settings.database_url)
    first, second = uuid4(), uuid4()
    for worker in (first, second):
        async with database.transaction() as tx:
            await mark.begin(tx, worker)
    async with database.transaction() as tx:
        await mark.hold(tx, second)
        with pytest.raises(mark.TakenOver):
            await mark.hold(tx, first)
    await database.close()


async def test_what_is_being_rebuilt_is_not_served_until_it_has_ended(settings: Settings) -> None:
    """Started live by mistake it waits: requests are refused, and none of its parts begins."""
    await execute(settings, f"insert into rebuilding (worker) values ('{uuid4()}')")
    runtime = build_runtime(TOY, settings)
    starting = asyncio.create_task(await_database(runtime, migrating=True))
    while runtime.refuses is not REBUILDING:
        assert not starting.done()
        await asyncio.sleep(0.02)
    app = build_app(runtime, Readiness())
    operator = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy", headers=operator) as api:
        refused = await api.get("/ops/dead")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/rebuilding")
        assert (await api.get("/health/live")).status_code == 200
        database = Database(settings.database_url)
        async with database.transaction() as tx:
            await mark.end(tx)
        await starting
        assert (await api.get("/ops/dead")).status_code == 200
    await database.close()
    await runtime.database.close()
