"""The faults do what their names say, to a real database."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest
import pytest_asyncio

from chaos.harm.connections import cut
from chaos.harm.processes import send, stand_still
from common.storage.migrate import driver_url
from regulars.stack.postgres import PostgresServer
from regulars.testing import EmptyDatabase

# How asyncpg says that its session is gone depends on what it was doing just then.
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_WITHIN_S = 60
_LOOKS = """select exists (select from pg_stat_activity
where query like 'select pg_temp.cut_in_mid_work%' and state = 'active' and pid <> pg_backend_pid())"""


@dataclass
class Harmed:
    """A database, who may do everything there, and a role of its own with how it gets in."""

    url: str
    admin: asyncpg.Connection
    role: str
    dsn: str

    async def until_looked_for(self, looked_for: bool) -> None:
        """Until the server looks for a moment to cut, or no longer does."""
        async with asyncio.timeout(_WITHIN_S):
            while await self.admin.fetchval(_LOOKS) != looked_for:
                await asyncio.sleep(0.02)


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


@pytest_asyncio.fixture
async def harmed(database: EmptyDatabase) -> AsyncIterator[Harmed]:
    url = await database()
    admin = await asyncpg.connect(driver_url(url))
    role = f"harmed_{uuid.uuid4().hex[:8]}"  # roles are those of all databases
    await admin.execute(f"create table written (n int); create role {role} login superuser")
    parts = driver_url(url).split("://")
    yield Harmed(url, admin, role, f"{parts[0]}://{role}@{parts[1].rpartition('@')[2]}")
    await admin.execute(f"drop role {role}")
    await admin.close()


async def test_sessions_are_cut_inside_of_a_transaction_that_has_written(harmed: Harmed) -> None:
    """What was written is gone, and every session of the role is, the idle ones too (R2)."""
    writer, idle = await asyncpg.connect(harmed.dsn), await asyncpg.connect(harmed.dsn)
    looking = asyncio.Event()
    cutting = asyncio.create_task(cut(harmed.url, harmed.role, _WITHIN_S, looking.set))
    await looking.wait()
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
    assert await harmed.admin.fetchval("select count(*) from written") == 0


async def test_a_transaction_is_cut_that_begins_and_ends_while_the_run_itself_is_busy(harmed: Harmed) -> None:
    """A service's transaction lasts for milliseconds, and the run's own loop is as busy as the machine (R2)."""
    ready, go = threading.Event(), threading.Event()

    async def write() -> None:
        session = await asyncpg.connect(harmed.dsn)
        ready.set()
        go.wait()
        try:
            await session.execute("begin; insert into written values (1); select pg_sleep(0.5); commit")
        finally:
            session.terminate()

    with ThreadPoolExecutor(1) as other:
        writing = other.submit(lambda: asyncio.run(write()))
        await asyncio.to_thread(ready.wait)
        cutting = asyncio.create_task(cut(harmed.url, harmed.role, _WITHIN_S))
        await harmed.until_looked_for(True)
        go.set()
        with pytest.raises(_LOST):
            writing.result()  # nothing runs in our loop until it is over
    assert await cutting == 1
    assert await harmed.admin.fetchval("select count(*) from written") == 0


async def test_who_only_reads_is_not_cut(harmed: Harmed) -> None:
    reader = await asyncpg.connect(harmed.dsn)
    await reader.execute("begin; select * from written")
    assert await cut(harmed.url, harmed.role, 0.3) == 0
    assert await reader.fetchval("select 1") == 1
    await reader.close()


async def test_a_look_ends_by_itself_when_the_run_has_given_up(harmed: Harmed) -> None:
    """Otherwise it would end the sessions of whatever stack has this database next."""
    cutting = asyncio.create_task(cut(harmed.url, harmed.role, _WITHIN_S))
    await harmed.until_looked_for(True)
    cutting.cancel()
    await harmed.until_looked_for(False)
