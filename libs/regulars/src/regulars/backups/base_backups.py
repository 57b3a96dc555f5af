"""Base backups of an archive: when one is made, from when on it serves, and when one is removed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from common.events.topics import TOPICS
from regulars.backups.archive import BASE, Archive, Base, has_one_copy, name_of, past, write_json
from regulars.backups.copying import CopyFailed
from regulars.backups.programs import base_backup, clean_up_log
from regulars.backups.pulse import Pulse
from regulars.backups.servers import PASSING, OtherInstallation, Servers, connected
from regulars.backups.topic_copies import Superseded, TopicCopies
from regulars.stack.errors import StackError

_AGAIN_S, _SAY_S, _MOST_S = 5.0, 60.0, 3600.0


class BaseBackups:
    """Of one archive. `every`: one is made; `keep`: instants so long ago can be restored."""

    def __init__(
        self,
        archive: Archive,
        servers: Callable[[], Servers],
        copies: TopicCopies,
        pulse: Pulse,
        *,
        every: timedelta,
        keep: timedelta,
        say: Callable[[str], None],
    ) -> None:
        self._archive, self._servers, self._copies, self._pulse = archive, servers, copies, pulse
        self._every, self._keep, self._say = every, keep, say

    async def run(self) -> None:
        """Make one when it is due, and remove what no instant needs any more, until cancelled.

        One that fails reads the whole cluster and may fill the disk that log and copies need, so each pause after it is
        twice as long, up to an hour.
        """
        cleared: str | None = None
        longer = _SAY_S
        while True:
            bases, failed, pause = self._archive.bases(), "no base backup was made", _SAY_S
            try:
                async with connected(self._servers().postgres) as connection:
                    now: datetime = await connection.fetchval("select clock_timestamp()")
                if not bases or now - bases[-1].began >= self._every:
                    pause, longer = longer, min(2 * longer, _MOST_S)
                    await self._take(now)
                    pause = longer = _SAY_S
                failed = "what no instant needs any more was not removed"
                if (youngest := self._archive.youngest()) != cleared:
                    await self._drop_past(now)
                    cleared = youngest
            except PASSING as error:
                self._say(f"{failed}, it is tried again in {pause:.0f} s: {error}")
                await asyncio.sleep(pause)
            await asyncio.sleep(_AGAIN_S)

    async def _take(self, began: datetime) -> None:
        servers, name = self._servers(), name_of(began)
        aside, former = self._archive.base(f".{name}"), self._copies.known()
        shutil.rmtree(aside, ignore_errors=True)
        self._check_room()
        aside.mkdir(mode=0o700)
        try:
            async with self._pulse.looking() as (connection, ends):
                if more := await connection.fetchval("select count(*) from pg_tablespace where spcname !~ '^pg_'"):
                    raise StackError(f"the server has tablespaces ({more}): this backup does not know any")
                stood = await ends.ends([topic.name for topic in TOPICS])
            await self._copies.begin(name)
            await base_backup(servers.postgres, aside)
            usable, whole = await self._usable(name)
            if len(sorted(aside.glob("*.tar.gz"))) != 1:
                raise StackError("a tablespace was made meanwhile: this backup does not know any")
            segment = _first_segment(json.loads((aside / "backup_manifest").read_text()))
            after = None if whole else self._archive.until() or self._archive.bases()[-1].usable
            base = Base(name, began, usable, segment, stood, after)
            write_json(aside / BASE, base.to_json())
            async with self._copies.beginning:
                aside.rename(self._archive.base(name))
        except BaseException:
            await self._copies.end([key for key in self._copies.known() if key[1] == name])
            for folder in [aside, *self._archive.folder.glob(f"topics/*/{name}")]:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        # It is in force, whatever ends this now; topics that forget are copied for it alone from now on.
        await self._copies.end([key for key in former if not has_one_copy(key[0])])
        size = self._size(name)
        self._say(f"base backup {name}: {size:,} bytes; instants from {usable.isoformat()} on can be restored from it")

    def _size(self, name: str) -> int:
        return sum(file.stat().st_size for file in self._archive.base(name).iterdir())

    def _check_room(self) -> None:
        """Raises StackError where the archive's disk has less room than the last base backup took."""
        free, last = shutil.disk_usage(self._archive.folder).free, self._archive.youngest()
        if last is not None and free < (size := self._size(last)):
            raise StackError(f"the archive's disk has {free:,} bytes left, and the last base backup took {size:,}")

    async def _usable(self, base: str) -> tuple[datetime, bool]:
        """From when on instants can be reached from it. What is away meanwhile is waited for: it took long to make.

        Up to that instant the copies of the former one are complete too: those before it are reached from that. False:
        one of them has failed for good.
        """
        whole, former, said = True, self._archive.youngest(), -math.inf
        while True:
            try:
                async with self._pulse.looking() as (connection, ends):
                    return await self._pulse.complete(connection, ends, base, former if whole else None), whole
            except OtherInstallation:
                raise
            except Superseded:
                continue  # a shop's intake that is gone is waited for no more
            except PASSING as error:
                if isinstance(error, CopyFailed) and error.folder.name == former:
                    whole = False
                    self._say(f"the base backup {base} does without the former one's copies: {error}")
                    continue
                if isinstance(error, CopyFailed) and error.folder.name == base:
                    raise  # another one begins other copies
                if time.monotonic() - said > _SAY_S:
                    said = time.monotonic()
                    self._say(f"the base backup {base} waits: {error if str(error) else type(error).__name__}")
                await asyncio.sleep(_AGAIN_S)
                with contextlib.suppress(*PASSING):
                    await self._copies.begin(base)

    async def _drop_past(self, now: datetime) -> None:
        bases = self._archive.bases()
        for base in past(bases, now, self._keep):
            await asyncio.to_thread(self._archive.drop, base.name)
            self._say(f"base backup {base.name} was removed: what it was needed for is more than {self._keep} ago")
        await asyncio.to_thread(self._archive.drop_unfinished)
        await clean_up_log(self._archive.wal, self._archive.bases()[0].segment)


def _first_segment(manifest: dict[str, Any]) -> str:
    """The name of the file of the log in which the base backup begins; files have 16 MB."""
    (first, *_) = manifest["WAL-Ranges"]
    high, low = (int(part, 16) for part in first["Start-LSN"].split("/"))
    return f"{first['Timeline']:08X}{high:08X}{low >> 24:08X}"
