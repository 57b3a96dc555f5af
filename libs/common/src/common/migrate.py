"""How does a database get its tables? Plain SQL files, each applied once, in order of name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

COMMON = Path(__file__).parent / "migrations"
_LOCK = 7_301_001


def driver_url(url: str) -> str:
    """The URL as asyncpg takes it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def migrate(url: str, *folders: Path) -> None:
    """Apply what has not been applied of libs/common's files and of the folders', each file in a transaction.

    Idempotent; two at once wait for each other (advisory lock). Raises asyncpg.PostgresError naming the file.
    """
    connection = await asyncpg.connect(driver_url(url), timeout=10)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "create table if not exists schema_migrations (name text primary key, applied_at timestamptz default now())"
        )
        done = {row["name"] for row in await connection.fetch("select name from schema_migrations")}
        for folder in (COMMON, *folders):
            for path in await asyncio.to_thread(_files, folder):
                name = _name(folder, path)
                if name in done:
                    continue
                async with connection.transaction():
                    await connection.execute(path.read_text("utf-8"))
                    await connection.execute("insert into schema_migrations (name) values ($1)", name)
    finally:
        await connection.close(timeout=5)


async def missing(url: str, *folders: Path) -> list[str]:
    """Names of those files that the database has not seen; it may have seen more, of a newer release."""
    connection = await asyncpg.connect(driver_url(url), timeout=10)
    try:
        there = await connection.fetchval("select to_regclass('schema_migrations') is not null")
        rows = await connection.fetch("select name from schema_migrations") if there else []
    finally:
        await connection.close(timeout=5)
    done = {row["name"] for row in rows}
    wanted = [_name(f, path) for f in (COMMON, *folders) for path in await asyncio.to_thread(_files, f)]
    return [name for name in wanted if name not in done]


def _name(folder: Path, path: Path) -> str:
    return path.stem if folder == COMMON else f"{folder.parent.name}/{path.stem}"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))
