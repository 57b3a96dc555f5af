"""The listener outlives a database that is away, and wakes whom a notification is for."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from common.storage.database import Database
from messaging.jobs.waking import listen, look
from regulars.testing import MigratedDatabase

from ..sending import queue_notice_and_offer, until


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
    task = asyncio.create_task(listen(database, {"messages": lambda _: heard.set()}, stopping))
    await asyncio.wait({task, waiting := asyncio.create_task(heard.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done()
    stopping.set()
    await asyncio.gather(task, waiting)
    await database.close()


async def test_the_sender_of_a_channel_is_woken_by_its_own_messages_alone(messaging: Any) -> None:
    """By the notification of a commit, and by the look for what is due again."""
    stopping, woken, looked = asyncio.Event(), asyncio.Queue[str](), asyncio.Queue[str]()
    task = asyncio.create_task(listen(messaging.database, {"messages": woken.put_nowait}, stopping))
    heard = "select from pg_stat_activity where datname = current_database() and query ~* '^listen'"
    await until(lambda: messaging.rows(f"select 1 where not exists ({heard})"))
    await queue_notice_and_offer(messaging)
    assert await asyncio.wait_for(woken.get(), 30) == "email"
    looking = asyncio.create_task(look(messaging.database, looked.put_nowait, stopping))
    assert [await asyncio.wait_for(looked.get(), 30) for _ in range(2)] == ["email", "email"]
    stopping.set()
    await asyncio.gather(task, looking)
    assert {woken.get_nowait() for _ in range(woken.qsize())} <= {"email"}
