"""A service stands exactly at the step that is named, and comes out as the step says (R4)."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from chaos.harm.steps import STEPS, Step, hold, let_go, set_triggers
from common.storage.migrate import driver_url
from regulars.testing import MigratedDatabase

_WRITES = {
    "inbox": "insert into inbox (key, hash) values (gen_random_uuid(), gen_random_uuid())",
    "history": "insert into history (key, hash, shop, customer, at, rank, source, id, type, fields) values "
    "(gen_random_uuid(), gen_random_uuid(), 's', 'c', now(), 1, '/s', 'e1', 'order.paid', '{}')",
    "outbox": "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) values "
    "('f1', 'orders', 's/c', 'order.paid', 's', '{}')",
    "offsets": "update offsets set next = 8",
    "mark": "update outbox set published_at = now()",
}
_SEEN = {
    "inbox": "select count(*) from inbox",
    "history": "select count(*) from history",
    "outbox": "select count(*) from outbox where id = 'f1'",
    "offsets": "select count(*) from offsets where next = 8",
    "mark": "select count(*) from outbox where published_at is not null",
}

_HELD = "select exists (select from pg_locks where locktype = 'advisory' and granted and pid = $1)"


def _what(step: Step, table: str) -> str:
    return "mark" if table == "outbox" and " update on " in step.trigger else table


def test_there_are_nine_steps() -> None:
    assert len({step.name for step in STEPS}) == 9


@pytest.mark.parametrize(("step", "table"), [(step, table) for step in STEPS for table in step.tables])
async def test_a_session_is_held_at_the_step_and_ends_as_the_step_says(
    step: Step, table: str, database_from: MigratedDatabase
) -> None:
    url = driver_url(await database_from())
    admin, service, watcher = [await asyncpg.connect(url) for _ in range(3)]
    await set_triggers(admin)
    await admin.execute("insert into offsets (topic, partition, next, cluster) values ('orders', 0, 7, 'c')")
    await admin.execute(_WRITES["outbox"].replace("f1", "f0"))
    holding = asyncio.create_task(hold(watcher, step))
    while not await admin.fetchval(_HELD, watcher.get_server_pid()):
        assert not holding.done()
        await asyncio.sleep(0.01)

    async def work() -> None:
        async with service.transaction():
            await service.execute(_WRITES[_what(step, table)])

    working = asyncio.create_task(work())
    session = await holding
    assert session == service.get_server_pid()
    assert not working.done()
    await let_go(watcher, step, session)
    (outcome,) = await asyncio.gather(working, return_exceptions=True)
    assert (outcome is None) is step.commits
    assert await admin.fetchval(_SEEN[_what(step, table)]) == int(step.commits)
    for each in (admin, service, watcher):
        each.terminate()


async def test_who_meets_no_lock_passes(database_from: MigratedDatabase) -> None:
    connection = await asyncpg.connect(driver_url(await database_from()))
    await set_triggers(connection)
    for write in _WRITES.values():
        await connection.execute(write)
    assert await connection.fetchval("select count(*) from outbox where published_at is not null") == 1
    await connection.close()
