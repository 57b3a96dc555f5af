"""`regulars rebuild`: a service of the running stack is rebuilt from the topics, compared, and switched.

Its processes go on running. To switch, its database lets nobody in for some seconds, which they wait out as a lost
server; then the two databases change their names in one transaction, and the processes find the rebuilt one. So
whenever this is killed one of the two whole databases has the service's name; called again, it goes on.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from common.storage.failures import SERVER_ERRORS
from regulars.compare import compare_rebuilt, master_keys
from regulars.stack.databases import (
    as_role,
    drop_database,
    dsn,
    ensure_database_of,
    in_database,
    let_in,
    role_of,
)
from regulars.stack.errors import StackError
from regulars.stack.guard import Guard
from regulars.stack.services import Service, environment
from regulars.stack.state import Secrets, StackState, running

DRAINED_WITHIN_S, LOOK_EVERY_S = 60.0, 1.0
_END_SESSIONS = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1 and usename = any($2)"
_OVER = "select not exists (select from rebuilding) and exists (select from offsets)"
_ALONE = "select pg_try_advisory_lock(hashtextextended($1, 0))"
"""For the connection's life; ends with this process."""
_OPEN = """
select (select count(*) from outbox where published_at is null and refused is null)
     + (select count(*) from long_histories)
"""
"""In what a rebuild is ahead: facts to publish, and customers with many inputs whose late news waits to be folded."""


def rebuild(
    folder: Path, service: Service, *, keep: bool, trust_topics: bool = False, say: Callable[[str], None]
) -> int:
    """Rebuild, compare, and unless `keep` switch. Returns 1 where the rebuild was refused, or rows differ.

    Where rows differ nothing is switched, and both databases stay, unless `trust_topics`: then the live one is what is
    wrong. Raises StackError.
    """
    state = running(folder)
    if service.name not in state.services:
        raise StackError(f"{service.name} is not part of the stack that runs from {folder}")
    return asyncio.run(_Rebuild(folder, state, service, say).run(keep=keep, trust_topics=trust_topics))


class _Rebuild:
    def __init__(self, folder: Path, state: StackState, service: Service, say: Callable[[str], None]) -> None:
        self._folder, self._service, self._say = folder, service, say
        self._settings, self._admin = state.services[service.name], state.postgres
        self._name, self._beside = service.database, f"{service.database}_rebuilt"
        self._rebuilt = in_database(self._settings["DATABASE_URL"], self._beside)
        password = Secrets.load_or_draw(folder / "secrets.json", [self._name]).databases[self._name]
        # The role that owns both.
        self._owner = as_role(self._admin, self._name, password, database=self._beside)
        self._live = in_database(self._admin, self._name)

    async def run(self, *, keep: bool, trust_topics: bool) -> int:
        alone = await asyncpg.connect(dsn(self._admin), timeout=10)
        try:
            if not await alone.fetchval(_ALONE, f"rebuild {self._name}"):
                raise StackError(f"another `regulars rebuild {self._service.name}` is running; wait for its end")
            return await self._run(alone, keep=keep, trust_topics=trust_topics)
        finally:
            await alone.close()

    async def _run(self, alone: asyncpg.Connection, *, keep: bool, trust_topics: bool) -> int:
        self._say(f"{self._service.name}: reading the topics into {self._beside}; the live service goes on")
        await let_in(self._admin, self._name)  # where an earlier run was killed together with its guard
        await ensure_database_of(self._admin, self._beside, self._name)
        if await self._is_over():
            self._say(
                f"{self._beside} is of a rebuild that was not switched, and the service went on: it is begun anew"
            )
            await drop_database(self._admin, self._beside)
            await ensure_database_of(self._admin, self._beside, self._name)
        if await self._command():
            return 1
        guard = await asyncio.to_thread(Guard, self._admin, self._name)
        try:
            await self._keep_out()
            if await self._command("--finish"):
                return 1
            if await self._differ() and (keep or not trust_topics):
                self._say(f"nothing is switched: {self._beside} stays beside {self._name} until the next rebuild")
                return 1
            if keep:
                self._say(f"the rebuilt database is {self._beside}; {self._name} goes on as it was")
                return 0
            kept = f"{self._name}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
            await _switch(alone, self._name, self._beside, kept)
            self._say(f"{self._service.name} is served from the rebuilt database; the old one is kept as {kept}")
            return 0
        finally:
            await let_in(self._admin, self._name)
            await asyncio.to_thread(guard.release)

    async def _is_over(self) -> bool:
        """Whether the database beside is that of a rebuild which has ended."""
        connection = await asyncpg.connect(dsn(in_database(self._admin, self._beside)), timeout=10)
        try:
            if not await connection.fetchval("select to_regclass('rebuilding') is not null"):
                return False
            return bool(await connection.fetchval(_OVER))
        finally:
            await connection.close()

    async def _command(self, *more: str) -> int:
        urls = {"DATABASE_URL": self._rebuilt, "OWNER_DATABASE_URL": self._owner, "LIVE_DATABASE_URL": dsn(self._live)}
        env, argv = environment(self._settings | urls), [sys.executable, "-m", f"{self._service.package}.main"]
        argv += ["rebuild", *more]
        return (await asyncio.to_thread(subprocess.run, argv, env=env, check=False)).returncode

    async def _keep_out(self) -> None:
        """Let nobody but the administrator into the live database, at a moment in which nothing of it is open."""
        deadline = asyncio.get_running_loop().time() + DRAINED_WITHIN_S
        connection = await asyncpg.connect(dsn(self._live), timeout=10)
        try:
            if not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user"):
                raise StackError("to switch, DATABASE_URL must be a superuser's; docs/operating.md says how else")
            while True:
                while await connection.fetchval(_OPEN):
                    if asyncio.get_running_loop().time() > deadline:
                        raise StackError(
                            f"{self._service.name} does not publish its facts, or has yet to fold late news of "
                            "customers with many inputs: `regulars status` and its log say more; try again later"
                        )
                    await asyncio.sleep(LOOK_EVERY_S / 10)
                await connection.execute(f"alter database {self._name} connection limit 0")
                await connection.fetch(_END_SESSIONS, self._name, [self._name, role_of(self._name)])
                if not await connection.fetchval(_OPEN):
                    return
                await connection.execute(f"alter database {self._name} connection limit -1")
                await asyncio.sleep(LOOK_EVERY_S)
        except BaseException:
            await let_in(self._admin, self._name)
            raise
        finally:
            await connection.close()

    async def _differ(self) -> int:
        """The rows that differ, printed by table; the tables themselves stand as text in the stack's folder."""
        folder = self._folder / "rebuilt"
        beside, masters = in_database(self._admin, self._beside), master_keys(self._settings)
        found = await compare_rebuilt(self._service.name, dsn(self._live), beside, masters, folder)
        for table, rows in found.items():
            self._say(f"{table}: {rows:,} rows differ" if rows else f"{table}: the same")
        if sum(found.values()):
            self._say(f"compare the files in {folder}/live with those in {folder}/rebuilt")
        else:
            shutil.rmtree(folder)
        return sum(found.values())


async def _switch(alone: asyncpg.Connection, name: str, beside: str, kept: str) -> None:
    """Both get their new names at once, or none does, in the session that keeps other rebuilds away.

    Raises StackError where that session was lost, since another rebuild may be at work, or a database is in use.
    """
    try:
        async with alone.transaction():
            await alone.execute(f"alter database {name} rename to {kept}")
            await alone.execute(f"alter database {beside} rename to {name}")
    except SERVER_ERRORS as error:
        raise StackError(f"nothing is switched ({error}): run it again") from error
