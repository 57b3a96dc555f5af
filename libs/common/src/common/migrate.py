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
                name = path.stem if folder == COMMON else f"{folder.parent.name}/{path.stem}"
                if name in done:
                    continue
                async with connection.transaction():
                    await connection.execute(path.read_text("utf-8"))
                    await connection.execute("insert into schema_migrations (name) values ($1)", name)
    finally:
        await connection.close(timeout=5)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))
