"""Migrations: plain SQL files, each applied once, in order of name."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path

import asyncpg

from common.storage import roles
from common.storage.tls import split_tls

COMMON = Path(__file__).parent / "migrations"
_LOCK = 7_301_001


def driver_url(url: str) -> str:
    """The URL as asyncpg takes it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def _connect(url: str) -> asyncpg.Connection:
    plain, tls = split_tls(url)
    return await asyncpg.connect(driver_url(plain), timeout=10, **tls)


class MigrationChanged(Exception):
    """A file is not what it was when the database was made from it: its tables are not those that the code expects."""


class OfAnotherService(MigrationChanged):
    """The database was made for another service."""

    def __init__(self, others: Iterable[str], mine: str) -> None:
        super().__init__(
            f"the database is that of {', '.join(sorted(others))}: nothing was written; give {mine} the DATABASE_URL "
            "of its own"
        )


async def migrate(url: str, *folders: Path, common: bool = True, role: str | None = None) -> None:
    """Apply what has not been applied of libs/common's files and of the folders', each file in a transaction.

    `common` False: of a process that reads no topic and has no outbox, which needs none of libs/common's tables.
    `role`: another one than the address names, as which the service serves; it is given its rights.

    Idempotent; two at once wait for each other (advisory lock). Raises asyncpg.PostgresError naming the file,
    MigrationChanged where a file that was applied has been edited since, and OfAnotherService.
    """
    connection = await _connect(url)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "create table if not exists schema_migrations "
            "(name text primary key, digest text not null, applied_at timestamptz default now())"
        )
        done = await _applied(connection)
        _check_owner(done, folders)
        all_folders = (COMMON, *folders) if common else folders
        for name, text in await _wanted(all_folders):
            if name in done:
                _check(name, text, done[name])
                continue
            async with connection.transaction():
                await connection.execute(text)
                await connection.execute(
                    "insert into schema_migrations (name, digest) values ($1, $2)", name, _digest(text)
                )
        if role and role != roles.user_of(url):
            await roles.grant(connection, role, all_folders)
    finally:
        await connection.close(timeout=5)


async def missing(url: str, *folders: Path) -> list[str]:
    """Names of those files that the database has not seen; it may have seen more, of a newer release.

    Raises MigrationChanged where a file that was applied has been edited since, and OfAnotherService.
    """
    connection = await _connect(url)
    try:
        there = await connection.fetchval("select to_regclass('schema_migrations') is not null")
        done = await _applied(connection) if there else {}
    finally:
        await connection.close(timeout=5)
    _check_owner(done, folders)
    found = []
    for name, text in await _wanted((COMMON, *folders)):
        if name in done:
            _check(name, text, done[name])
        else:
            found.append(name)
    return found


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    return {row["name"]: row["digest"] for row in await connection.fetch("select name, digest from schema_migrations")}


def _check_owner(done: Iterable[str], folders: tuple[Path, ...]) -> None:
    mine = {folder.parent.name for folder in folders}
    others = {name.partition("/")[0] for name in done if "/" in name} - mine
    if mine and others:
        raise OfAnotherService(others, ", ".join(sorted(mine)))


def _check(name: str, text: str, applied: str) -> None:
    if _digest(text) != applied:
        raise MigrationChanged(
            f"the migration {name} was edited after this database was made from it: take the release that made the "
            "database, put the change into a file of its own, or, where the data may go, begin with an empty database "
            "(`make down ARGS=--purge`)"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _wanted(folders: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Name and text of each file, in the order in which they are applied."""

    def read() -> list[tuple[str, str]]:
        return [(_name(f, path), path.read_text("utf-8")) for f in folders for path in _files(f)]

    return await asyncio.to_thread(read)


def _name(folder: Path, path: Path) -> str:
    return path.stem if folder == COMMON else f"{folder.parent.name}/{path.stem}"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))
