"""`regulars backup --continuous`: what happens goes into the archive as it happens, with a base backup now and then."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from common.bus.broker import LogEnds, topic_names
from common.events.topics import TOPICS
from common.storage.backup_slots import PREFIX
from regulars.backups.archive import (
    ABOUT,
    BASE,
    INTAKE,
    STATUS,
    VERSION,
    Archive,
    Base,
    has_one_copy,
    name_of,
    past,
    write_json,
)
from regulars.backups.copying import CopyFailed, TopicCopy
from regulars.backups.photos import mirror_photos
from regulars.backups.programs import base_backup, clean_up_log, receiving_log
from regulars.backups.servers import (
    PASSING,
    OtherInstallation,
    Servers,
    check_same,
    connected,
    identity,
    read_of_intake,
)
from regulars.backups.taking import fingerprint
from regulars.stack.errors import StackError

PULSE_S, PHOTOS_S, TOPICS_S, AGAIN_S = 1.0, 10.0, 10.0, 5.0
_CHECK_S, _SAY_S, _LAST_S = 0.05, 60.0, 15.0
Say = Callable[[str], None]


class Superseded(Exception):
    """The copies for a base backup were ended, since there is a younger one."""


class Archiving:
    """One process for one archive. `every`: a base backup; `keep`: instants so long ago can be restored.

    `servers` is asked anew whenever a connection is lost: a stack that was started again has other ports.
    """

    def __init__(
        self, archive: Archive, servers: Callable[[], Servers], *, every: timedelta, keep: timedelta, say: Say
    ) -> None:
        self._archive, self._servers, self._every, self._keep, self._say = archive, servers, every, keep, say
        self._slot = ""
        self._copies: dict[tuple[str, str], tuple[TopicCopy, asyncio.Task[None]]] = {}
        """By topic and folder, so that the copies of two base backups stand side by side while one is made."""
        self._faults: dict[tuple[str, str], OSError | CopyFailed] = {}
        """Why a copy could not be begun, as in `_copies`."""
        self._beginning = asyncio.Lock()
        self.until: datetime | None = None
        self._complete_at = time.monotonic()

    async def run(self, master_key: str, stop: asyncio.Event) -> None:
        """Until `stop` is set; what was committed and published by then is in the archive, if the servers still answer.

        Raises StackError where the archive is another installation's.
        """
        await self._begin(master_key)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_lasting(work))
                    for work in (self._receive(), self._follow(), self._keep_pulse(), self._bases(), self._photos())
                ]
                await stop.wait()
                with contextlib.suppress(*PASSING):
                    async with asyncio.timeout(_LAST_S):
                        await self._pulses(last=True)
                for task in tasks:
                    task.cancel()
        finally:
            await self._end(list(self._copies))

    async def _begin(self, master_key: str) -> None:
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
            self._slot = about["slot"]
            # From here on the server keeps its log until it is in the archive.
            if not await connection.fetchval("select 1 from pg_replication_slots where slot_name = $1", self._slot):
                await connection.execute("select pg_create_physical_replication_slot($1, true)", self._slot)
        self._archive.drop_unfinished()
        await self._copy()

    async def _receive(self) -> None:
        """PostgreSQL's log, whatever the server does meanwhile."""
        while True:
            try:
                async with receiving_log(self._servers().postgres, self._archive.wal, self._slot) as process:
                    assert process.stderr is not None
                    said = (await process.stderr.read()).decode(errors="replace").strip()
                self._say(f"PostgreSQL's log is not received: {said.splitlines()[-1] if said else 'it ended'}")
            except StackError as error:
                self._say(f"PostgreSQL's log is not received: {error}")
            await asyncio.sleep(AGAIN_S)

    async def _follow(self) -> None:
        """Begin the copies of topics that came later: a shop's intake."""
        while True:
            with contextlib.suppress(*PASSING):
                await self._copy()
            await asyncio.sleep(TOPICS_S)

    async def _copy(self, base: str | None = None) -> None:
        """Have every topic copied for restores from that base backup, None: the youngest one, if there is one.

        A copy that ended by a fault is begun again; one that cannot be begun stops no other, and each pulse says why.
        """
        ours, servers = [topic.name for topic in TOPICS], self._servers()
        read, names = await read_of_intake(servers), await topic_names(servers.kafka)
        async with self._beginning:
            if base is None and (base := self._youngest()) is None:
                return
            for topic in names:
                if topic not in ours and not topic.startswith(INTAKE):
                    continue
                folder = self._archive.topic(topic, base)
                key = topic, folder.name
                if key in self._copies and not self._copies[key][1].done():
                    continue
                since = {place: end for place, end in read.items() if place.topic == topic}
                try:
                    copy = await asyncio.to_thread(TopicCopy, self._kafka, topic, folder, since)
                except (OSError, StackError) as error:
                    self._faults[key] = error if isinstance(error, OSError) else CopyFailed(folder, str(error))
                    continue
                self._faults.pop(key, None)
                self._copies[key] = copy, asyncio.create_task(copy.run())

    def _youngest(self) -> str | None:
        bases = self._archive.bases()
        return bases[-1].name if bases else None

    def _kafka(self) -> str:
        return self._servers().kafka

    async def _end(self, keys: Sequence[tuple[str, str]]) -> None:
        for key in keys:
            self._faults.pop(key, None)
        ending = [self._copies.pop(key)[1] for key in keys if key in self._copies]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _keep_pulse(self) -> None:
        """Say, second by second, up to when the archive is complete."""
        said = time.monotonic()
        while True:
            try:
                await self._pulses()
            except OtherInstallation:
                raise
            except PASSING as error:
                if time.monotonic() - said > _SAY_S:
                    said = time.monotonic()
                    ago, why = said - self._complete_at, error if str(error) else type(error).__name__
                    self._say(f"complete up to {self.until}, {ago:.0f} s ago: {why}")
            await asyncio.sleep(PULSE_S)

    async def _pulses(self, *, last: bool = False) -> None:
        """One after the other, until something is away; `last`: a single one."""
        async with self._looking() as (connection, ends):
            while True:
                if (base := self._youngest()) is not None:
                    try:
                        async with asyncio.timeout(_SAY_S):
                            at = await self._pulse(connection, ends, base)
                    except Superseded:
                        continue  # of the younger one
                    if self.until is None or at > self.until:
                        self.until, self._complete_at = at, time.monotonic()
                        write_json(self._archive.folder / STATUS, {"until": at.isoformat()})
                if last:
                    return
                await asyncio.sleep(PULSE_S)

    @contextlib.asynccontextmanager
    async def _looking(self) -> AsyncIterator[tuple[asyncpg.Connection, LogEnds]]:
        """At both servers. Raises OtherInstallation."""
        servers = self._servers()
        async with connected(servers.postgres) as connection:
            check_same(self._archive.about(), await identity(servers, connection), self._archive.folder)
            ends = LogEnds(servers.kafka, client="regulars-backup")
            try:
                yield connection, ends
            finally:
                await ends.close()

    async def _pulse(self, connection: asyncpg.Connection, ends: LogEnds, *bases: str | None) -> datetime:
        """Wait until all is in the archive that was committed and published before this call; gives its instant.

        By PostgreSQL's clock; of topics the copies for those base backups. A transaction of ours is committed then: a
        recovery ends at the first commit of after the instant that it is told, and without one fails.

        Raises Superseded.
        """
        for (topic, folder), error in self._faults.items():
            if has_one_copy(topic) or folder in bases:
                raise error
        read = await read_of_intake(self._servers())
        at: datetime = await connection.fetchval("select clock_timestamp()")
        await connection.execute("select pg_logical_emit_message(true, 'regulars-backup', '')")
        written = await connection.fetchval("select pg_current_wal_insert_lsn()::text")
        mine = [each for (topic, folder), each in self._copies.items() if has_one_copy(topic) or folder in bases]
        until = await ends.ends({copy.topic for copy, _ in mine})
        starts = await ends.starts(until)
        until = {place: end for place, end in until.items() if end > starts[place]}  # the others hold no record
        complete = False
        while not complete:
            for _, task in mine:
                if task.cancelled():
                    raise Superseded(*bases)
                if task.done():
                    task.result()  # it ends by nothing else but a fault: a full disk
            complete = await self._received(connection, written) and all(copy.has(until) for copy, _ in mine)
            if not complete:
                await asyncio.sleep(_CHECK_S)
        for copy, _ in mine:
            if copy.topic.startswith(INTAKE):
                await copy.forget(read)
        return at

    async def _received(self, connection: asyncpg.Connection, lsn: str) -> bool:
        return bool(
            await connection.fetchval(
                "select exists (select from pg_stat_replication"
                " where application_name = $1 and flush_lsn >= $2::text::pg_lsn)",
                *(self._slot, lsn),
            )
        )

    async def _bases(self) -> None:
        cleared: str | None = None
        while True:
            bases, failed = self._archive.bases(), "no base backup was made"
            try:
                async with connected(self._servers().postgres) as connection:
                    now: datetime = await connection.fetchval("select clock_timestamp()")
                if not bases or now - bases[-1].began >= self._every:
                    await self._take_base(now)
                failed = "what no instant needs any more was not removed"
                if (youngest := self._archive.bases()[-1].name) != cleared:
                    await self._drop_past(now)
                    cleared = youngest
            except PASSING as error:
                self._say(f"{failed}, it is tried again: {error}")
                await asyncio.sleep(_SAY_S)
            await asyncio.sleep(AGAIN_S)

    async def _take_base(self, began: datetime) -> None:
        servers, name = self._servers(), name_of(began)
        aside, former = self._archive.base(f".{name}"), [*self._copies, *self._faults]
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        try:
            async with self._looking() as (_, ends):
                stood = await ends.ends([topic.name for topic in TOPICS])
            await self._copy(name)
            await base_backup(servers.postgres, aside)
            usable, whole = await self._usable(name)
            if len(packed := sorted(aside.glob("*.tar.gz"))) != 1:
                raise StackError(f"the server has tablespaces ({len(packed) - 1}): this backup does not know any")
            segment = _first_segment(json.loads((aside / "backup_manifest").read_text()))
            after = None if whole else self._archive.until() or self._archive.bases()[-1].usable
            base = Base(name, began, usable, segment, stood, after)
            write_json(aside / BASE, base.to_json())
            async with self._beginning:
                aside.rename(self._archive.base(name))
                # Topics that forget are copied for the new one alone from now on.
                await self._end([key for key in former if not has_one_copy(key[0])])
        except BaseException:
            await self._end([key for key in (*self._copies, *self._faults) if key[1] == name])
            for folder in [aside, *self._archive.folder.glob(f"topics/*/{name}")]:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        size = sum(file.stat().st_size for file in self._archive.base(name).iterdir())
        self._say(f"base backup {name}: {size:,} bytes; instants from {usable.isoformat()} on can be restored from it")

    async def _usable(self, base: str) -> tuple[datetime, bool]:
        """From when on instants can be reached from it. What is away meanwhile is waited for: it took long to make.

        Up to that instant the copies of the former one are complete too: those before it are reached from that. False:
        one of them has failed for good.
        """
        whole, former = True, self._youngest()
        while True:
            try:
                async with self._looking() as (connection, ends):
                    return await self._pulse(connection, ends, base, former if whole else None), whole
            except OtherInstallation:
                raise
            except PASSING as error:
                if isinstance(error, CopyFailed) and error.folder.name == former:
                    whole = False
                    self._say(f"the base backup {base} does without the former one's copies: {error}")
                    continue
                self._say(f"the base backup {base} waits: {error if str(error) else type(error).__name__}")
                await asyncio.sleep(AGAIN_S)
                with contextlib.suppress(*PASSING):
                    await self._copy(base)

    async def _drop_past(self, now: datetime) -> None:
        bases = self._archive.bases()
        for base in past(bases, now, self._keep):
            await asyncio.to_thread(self._archive.drop, base.name)
            self._say(f"base backup {base.name} was removed: what it was needed for is more than {self._keep} ago")
        await asyncio.to_thread(self._archive.drop_unfinished)
        await clean_up_log(self._archive.wal, self._archive.bases()[0].segment)

    async def _photos(self) -> None:
        while True:
            try:
                if (folder := self._servers().photos) is not None:
                    await asyncio.to_thread(mirror_photos, folder, self._archive.folder, self._keep)
            except (OSError, StackError) as error:
                self._say(f"photos are not copied: {error}")
                await asyncio.sleep(_SAY_S)
            await asyncio.sleep(PHOTOS_S)


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


def _first_segment(manifest: dict[str, Any]) -> str:
    """The name of the file of the log in which the base backup begins; files have 16 MB."""
    (first, *_) = manifest["WAL-Ranges"]
    high, low = (int(part, 16) for part in first["Start-LSN"].split("/"))
    return f"{first['Timeline']:08X}{high:08X}{low >> 24:08X}"
