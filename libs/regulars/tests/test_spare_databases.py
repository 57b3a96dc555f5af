"""A database that is used again is as its template: rows, sequences, triggers; another schema is never used again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from common.storage.failures import SERVER_ERRORS
from regulars.spare_databases import LARGE, SpareDatabases
from regulars.stack.databases import create_database, drop_database, dsn, in_database
from regulars.testing import SharedPostgres

SCHEMA = """
create table kept (
    number bigint generated always as identity primary key,
    long integer generated always as (length(name)) stored,
    name text not null
);
create table large (body text);
create function refuse() returns trigger language plpgsql as $$ begin raise 'append-only'; end $$;
create trigger append_only before delete or truncate on kept execute function refuse();
insert into kept (name) values ('a'), ('b')
"""


@dataclass
class World:
    """A template with a table of two rows, numbered 1 and 2, that takes no deletion."""

    url: str
    template: str
    spare: SpareDatabases

    async def run(self, name: str, *statements: str) -> list[tuple[object, ...]]:
        """What the last statement gives."""
        connection = await asyncpg.connect(dsn(in_database(self.url, name)), timeout=10)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return [tuple(row) for row in await connection.fetch(statements[-1])]
        finally:
            await connection.close()

    async def take(self) -> str:
        return await self.spare.take(self.template, f"spare_{uuid.uuid4().hex[:20]}")


@pytest_asyncio.fixture
async def world(postgres: SharedPostgres) -> AsyncIterator[World]:
    template = f"template_{uuid.uuid4().hex[:20]}"
    await create_database(postgres.url, template)
    world = World(postgres.url, template, SpareDatabases(postgres.url))
    await world.run(template, SCHEMA, "select")
    yield world
    await world.spare.drop_all()


@pytest.mark.parametrize("rows", [1, 4 * LARGE // 1000])
async def test_a_used_database_is_as_its_template_again(world: World, rows: int) -> None:
    first = await world.take()
    await world.run(
        first,
        "insert into kept (name) values ('c')",
        "alter sequence kept_number_seq restart with 70",
        f"insert into large select repeat('x', 1000) from generate_series(1, {rows})",
        "update kept set name = 'other'",
        "select",
    )
    await world.spare.give_back(first)
    assert await world.take() == first
    found = await world.run(
        first, "insert into kept (name) values ('d')", "select number, name, long from kept order by 1"
    )
    assert found == [(1, "a", 1), (2, "b", 1), (3, "d", 1)]
    assert await world.run(first, "select from large") == []
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await world.run(first, "delete from kept", "select")
    await world.spare.give_back(first)


@pytest.mark.parametrize(
    "change",
    [
        "create table another ()",
        "alter table kept disable trigger append_only",
        "alter table large add number int",
        "alter table large add check (body <> '')",
        "create index on large (body)",
        "create or replace function refuse() returns trigger language plpgsql as $$ begin return null; end $$",
    ],
)
async def test_a_database_of_another_schema_is_never_used_again(world: World, change: str) -> None:
    first = await world.take()
    await world.run(first, change, "select")
    await world.spare.give_back(first)
    second = await world.take()
    assert second != first
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await world.run(first, "select")
    await world.spare.give_back(second)


async def test_who_is_still_connected_is_sent_away(world: World) -> None:
    first = await world.take()
    connection = await asyncpg.connect(dsn(in_database(world.url, first)), timeout=10)
    try:
        await connection.execute("begin; lock table kept")
        await world.spare.give_back(first)
        with pytest.raises(SERVER_ERRORS):
            await connection.fetchval("select 1")
    finally:
        connection.terminate()


async def test_all_are_dropped_at_the_end(world: World, postgres: SharedPostgres) -> None:
    first = await world.take()
    await world.spare.give_back(first)
    await world.spare.drop_all()
    for name in (first, world.template):
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await world.run(name, "select")
    await drop_database(postgres.url, first)  # no error although it is gone
