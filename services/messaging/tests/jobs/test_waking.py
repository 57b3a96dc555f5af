"""The listener outlives a database that is away."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from common.storage.database import Database
from messaging.jobs.waking import listen
from regulars.testing import MigratedDatabase


@pytest.mark.parametrize(
    "lost", [asyncpg.InterfaceError("connection is closed"), asyncpg.InternalClientError("unexpected"), OSError("away")]
)
async def test_a_lost_session_is_opened_anew(
    database_from: MigratedDatabase, monkeypatch: pytest.MonkeyPatch, lost: Exception
) -> None:
    """asyncpg says some losses in errors of its own, which SQLAlchemy does not wrap; none ends the process."""
    database, stopping, heard = Database(await database_from(), service="messaging"), asyncio.Event(), asyncio.Event()
    add, tries = asyncpg.Connection.add_listener, []

    async def once_lost(self: Any, *args: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise lost
        await add(self, *args)
        heard.set()

    monkeypatch.setattr(asyncpg.Connection, "add_listener", once_lost)
    task = asyncio.create_task(listen(database, {"messages": heard.set}, stopping))
    await asyncio.wait({task, waiting := asyncio.create_task(heard.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done()
    stopping.set()
    await asyncio.gather(task, waiting)
    await database.close()
