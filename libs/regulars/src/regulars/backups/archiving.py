"""`regulars backup --continuous`: what happens goes into the archive as it happens, with a base backup now and then."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from common.storage.backup_slots import PREFIX
from regulars.backups.archive import ABOUT, STATUS, VERSION, Archive, write_json
from regulars.backups.base_backups import BaseBackups
from regulars.backups.photos import mirror_photos
from regulars.backups.programs import receiving_log
from regulars.backups.pulse import Pulse
from regulars.backups.servers import PASSING, OtherInstallation, Servers, check_same, connected, identity
from regulars.backups.taking import fingerprint
from regulars.backups.topic_copies import Superseded, TopicCopies
from regulars.stack.errors import StackError

_PULSE_S, _PHOTOS_S, _TOPICS_S, _AGAIN_S = 1.0, 10.0, 10.0, 5.0
_SAY_S, _LAST_S = 60.0, 15.0
Say = Callable[[str], None]


class Archiving:
    """One process for one archive. `every`: a base backup; `keep`: instants so long ago can be restored.

    `servers` is asked anew whenever a connection is lost: a stack that was started again has other ports.
    """

    def __init__(
        self, archive: Archive, servers: Callable[[], Servers], *, every: timedelta, keep: timedelta, say: Say
    ) -> None:
        self._archive, self._servers, self._every, self._keep, self._say = archive, servers, every, keep, say
        self._copies = TopicCopies(archive, servers)
        self.until: datetime | None = None
        """Up to when the archive is complete, by PostgreSQL's clock."""
        self._complete_at = time.monotonic()

    async def run(self, master_key: str, stop: asyncio.Event) -> None:
        """Until `stop` is set; what was committed and published by then is in the archive, if the servers still answer.

        Raises StackError where the archive is another installation's.
        """
        slot = await self._begin(master_key)
        pulse = Pulse(self._archive, self._servers, slot, self._copies)
        bases = BaseBackups(
            self._archive, self._servers, self._copies, pulse, every=self._every, keep=self._keep, say=self._say
        )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_lasting(work))
                    for work in (
                        self._receive_log(slot),
                        self._begin_copies(),
                        self._keep_pulse(pulse),
                        bases.run(),
                        self._mirror_photos(),
                    )
                ]
                await stop.wait()
                with contextlib.suppress(*PASSING):
                    async with asyncio.timeout(_LAST_S):
                        await self._pulses(pulse, last=True)
                for task in tasks:
                    task.cancel()
        finally:
            await self._copies.end(self._copies.known())

    async def _begin(self, master_key: str) -> str:
        """Lay the archive out, or hold it against what is here, and begin the copies; the slot that keeps the log."""
        servers = self._servers()
        async with connected(servers.postgres) as connection:
            here = await identity(servers, connection) | {"master_key": fingerprint(master_key)}
            if (self._archive.folder / ABOUT).exists():
                about = self._archive.about()
                check_same(about, here, self._archive.folder)
            else:
                if any(self._archive.folder.glob("*/*")):
                    raise StackError(f"{self._archive.folder} holds something else: name a new folder")
                if (size := await connection.fetchval("show wal_segment_size")) != "16MB":
                    raise StackError(f"PostgreSQL's log has files of {size}: this backup knows those of 16 MB alone")
                self._archive.wal.mkdir(parents=True, exist_ok=True)
                (self._archive.folder / "base").mkdir(exist_ok=True)
                slot = f"{PREFIX}{secrets.token_hex(4)}"
                about = {"version": VERSION, **here, "slot": slot, "databases": list(servers.databases)}
                write_json(self._archive.folder / ABOUT, about)
            slot = str(about["slot"])
            # From here on the server keeps its log until it is in the archive.
            if not await connection.fetchval("select 1 from pg_replication_slots where slot_name = $1", slot):
                await connection.execute("select pg_create_physical_replication_slot($1, true)", slot)
        self._archive.drop_unfinished()
        await self._copies.begin()
        return slot

    async def _receive_log(self, slot: str) -> None:
        """PostgreSQL's, whatever the server does meanwhile."""
        while True:
            try:
                async with receiving_log(self._servers().postgres, self._archive.wal, slot) as process:
                    assert process.stderr is not None
                    said = (await process.stderr.read()).decode(errors="replace").strip()
                self._say(f"PostgreSQL's log is not received: {said.splitlines()[-1] if said else 'it ended'}")
            except StackError as error:
                self._say(f"PostgreSQL's log is not received: {error}")
            await asyncio.sleep(_AGAIN_S)

    async def _begin_copies(self) -> None:
        """Of topics that came later: a shop's intake; and of those whose copy has failed."""
        while True:
            with contextlib.suppress(*PASSING):
                await self._copies.begin()
            await asyncio.sleep(_TOPICS_S)

    async def _keep_pulse(self, pulse: Pulse) -> None:
        """Say, second by second, up to when the archive is complete."""
        said = time.monotonic()
        while True:
            try:
                await self._pulses(pulse)
            except OtherInstallation:
                raise
            except PASSING as error:
                if time.monotonic() - said > _SAY_S:
                    said = time.monotonic()
                    ago, why = said - self._complete_at, error if str(error) else f"waiting for {pulse.waits_for}"
                    self._say(f"complete up to {self.until}, {ago:.0f} s ago: {why}")
            await asyncio.sleep(_PULSE_S)

    async def _pulses(self, pulse: Pulse, *, last: bool = False) -> None:
        """One after the other, until something is away; `last`: a single one."""
        async with pulse.looking() as (connection, ends):
            # A process that stands still keeps its connections, and would say for ever that all is there.
            await connection.execute("set idle_session_timeout = '2min'")
            said = False
            while True:
                if bases := self._archive.bases():
                    base = bases[-1]
                    try:
                        async with asyncio.timeout(_SAY_S):
                            at = await pulse.complete(connection, ends, base.name)
                    except Superseded:
                        continue  # of the younger one
                    if said != (complete := at - base.began < 2 * self._every):
                        said = await pulse.say(connection, complete)
                    if self.until is None or at > self.until:
                        self.until, self._complete_at = at, time.monotonic()
                        write_json(self._archive.folder / STATUS, {"until": at.isoformat()})
                if last:
                    return
                await asyncio.sleep(_PULSE_S)

    async def _mirror_photos(self) -> None:
        while True:
            try:
                if (folder := self._servers().photos) is not None:
                    await asyncio.to_thread(mirror_photos, folder, self._archive.folder, self._keep)
            except (OSError, StackError) as error:
                self._say(f"photos are not copied: {error}")
                await asyncio.sleep(_SAY_S)
            await asyncio.sleep(_PHOTOS_S)


async def _lasting(work: Coroutine[Any, Any, None]) -> None:
    """A group takes a task that was cancelled from within for one that was told to end, and goes on without it.

    Raises StackError then.
    """
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise StackError(f"{getattr(work, '__name__', work)} ended amid its work: start the backup again") from error
