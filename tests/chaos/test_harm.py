"""The faults do what their names say, to a real database."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from chaos.harm.connections import cut
from chaos.harm.processes import send, stand_still
from common.storage.migrate import driver_url
from regulars.stack.postgres import PostgresServer
from regulars.testing import EmptyDatabase

# How asyncpg says that its session is gone depends on what it was doing just then.
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@pytest.fixture
def server(stack_folder: Path) -> Iterator[PostgresServer]:
    """One of its own: the run's shared server must not stand still."""
    server = PostgresServer(stack_folder / "harmed")
    server.start()
    yield server
    server.stop()


async def test_a_database_that_stands_still_does_so_with_all_its_sessions_and_lets_nobody_in(
    server: PostgresServer,
) -> None:
    session = await asyncpg.connect(driver_url(server.url))
    family = stand_still(server.pid)
    try:
        assert len(family) > 2  # the postmaster, its own workers, our session
        assert {each.status() for each in family} == {psutil.STATUS_STOPPED}
        asked = asyncio.create_task(session.fetchval("select 1"))
        entering = asyncio.create_task(asyncpg.connect(driver_url(server.url)))
        done, _ = await asyncio.wait({asked, entering}, timeout=0.5)
        assert not done
    finally:
        send(family, signal.SIGCONT)
    assert await asked == 1
    await (await entering).close()
    await session.close()


async def test_a_killed_database_leaves_no_process_that_could_still_commit(server: PostgresServer) -> None:
    session = await asyncpg.connect(driver_url(server.url))
    family = stand_still(server.pid)
    send(family, signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    session.terminate()
    server.restart()


def test_no_process_is_no_error() -> None:
    assert stand_still(2**22) == []


async def test_sessions_are_cut_inside_of_a_transaction_that_has_written(database: EmptyDatabase) -> None:
    """What was written is gone, and every session of the role is, the idle ones too (R2)."""
    url = await database()
    admin = await asyncpg.connect(driver_url(url))
    await admin.execute("create table written (n int); create role harmed login superuser")
    try:
        parts = driver_url(url).split("://")
        mine = f"{parts[0]}://harmed@{parts[1].rpartition('@')[2]}"
        writer, idle = await asyncpg.connect(mine), await asyncpg.connect(mine)
        cutting = asyncio.create_task(cut(url, "harmed"))
        done, _ = await asyncio.wait({cutting}, timeout=0.3)
        assert not done  # nothing is being written yet
        await writer.execute("begin")
        with contextlib.suppress(*_LOST):  # it may be cut before it was answered
            await writer.execute("insert into written values (1)")
        assert await cutting == 2
        with pytest.raises(_LOST):
            await writer.execute("commit")
        with pytest.raises(_LOST):
            await idle.fetchval("select 1")
        writer.terminate()
        idle.terminate()
        assert await admin.fetchval("select count(*) from written") == 0
    finally:
        await admin.execute("drop role harmed")
        await admin.close()
