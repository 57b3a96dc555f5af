"""What a service's role may do in its database, as the files `roles/service.sql` beside the migrations say it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

FILE = Path("roles") / "service.sql"


def user_of(url: str) -> str:
    """The role that an address names; "" where it names none."""
    return unquote(urlsplit(url).username or "")


async def grant(connection: asyncpg.Connection, role: str, folders: Iterable[Path]) -> None:
    """Let the role connect, read all, and do what the folders' files say. Idempotent; takes nothing away.

    So the previous release's processes keep what they need beside the new ones. The connection is the owner's. Raises
    asyncpg.UndefinedObjectError where there is no such role.
    """
    name = await connection.fetchval("select quote_ident($1)", role)
    database = await connection.fetchval("select quote_ident(current_database())")
    async with connection.transaction():
        await connection.execute(f"grant connect on database {database} to {name}")
        await connection.execute(f"grant usage on schema public to {name}")
        await connection.execute(f"grant select on all tables in schema public to {name}")
        for text in await asyncio.to_thread(_texts, folders):
            await connection.execute(text.replace("{role}", name))


def _texts(folders: Iterable[Path]) -> list[str]:
    return [(folder / FILE).read_text("utf-8") for folder in folders if (folder / FILE).exists()]
