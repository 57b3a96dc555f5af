"""Migrations are applied once, in order of name, and never from a file that was edited afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from common.storage.migrate import MigrationChanged, OfAnotherService, driver_url, migrate, missing
from regulars.testing import EmptyDatabase


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tea" / "migrations"
    made.mkdir(parents=True)
    (made / "0001_initial.sql").write_text("create table leaves (name text)")
    return made


async def tables(url: str) -> list[str]:
    connection = await asyncpg.connect(driver_url(url))
    try:
        rows = await connection.fetch(
            "select tablename from pg_tables where tablename in ('leaves', 'cups') order by 1"
        )
    finally:
        await connection.close()
    return [row["tablename"] for row in rows]


async def test_each_file_is_applied_once_and_two_at_once_take_turns(database: EmptyDatabase, folder: Path) -> None:
    url = await database()
    assert "tea/0001_initial" in await missing(url, folder)
    await asyncio.gather(migrate(url, folder), migrate(url, folder))
    await migrate(url, folder)
    (folder / "0002_pre_cups.sql").write_text("create table cups (size int)")
    assert await missing(url, folder) == ["tea/0002_pre_cups"]
    await migrate(url, folder)
    assert await tables(url) == ["cups", "leaves"]
    assert await missing(url, folder) == []


async def test_a_file_edited_after_it_was_applied_is_refused_by_name(database: EmptyDatabase, folder: Path) -> None:
    url = await database()
    await migrate(url, folder)
    (folder / "0001_initial.sql").write_text("create table leaves (name text, harvest int)")
    (folder / "0002_pre_cups.sql").write_text("create table cups (size int)")
    for look in (migrate, missing):
        with pytest.raises(MigrationChanged, match=r"tea/0001_initial was edited .*`make down ARGS=--purge`"):
            await look(url, folder)
    assert await tables(url) == ["leaves"], "nothing is applied on top"


async def test_a_file_that_fails_leaves_nothing_and_those_before_it(database: EmptyDatabase, folder: Path) -> None:
    url = await database()
    (folder / "0002_pre_cups.sql").write_text("create table cups (size int); select nothing from nowhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(url, folder)
    assert await tables(url) == ["leaves"]
    assert await missing(url, folder) == ["tea/0002_pre_cups"]


async def test_nothing_is_written_into_the_database_of_another_service(
    database: EmptyDatabase, folder: Path, tmp_path: Path
) -> None:
    """A mistaken DATABASE_URL: its tables would stand among the other's, for good."""
    url = await database()
    await migrate(url, folder)
    other = tmp_path / "coffee" / "migrations"
    other.mkdir(parents=True)
    (other / "0001_initial.sql").write_text("create table cups (size int)")
    with pytest.raises(OfAnotherService, match="that of tea: nothing was written; give coffee"):
        await migrate(url, other)
    with pytest.raises(OfAnotherService):
        await missing(url, other)
    assert await tables(url) == ["leaves"]
    await migrate(url, folder)
