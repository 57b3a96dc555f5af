"""Whether all is in an archive that was committed and published up to now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import asyncpg

from common.bus.broker import LogEnds
from common.storage.backup_slots import COMPLETE
from regulars.backups.archive import INTAKE, Archive
from regulars.backups.servers import Servers, check_same, connected, identity, read_of_intake
from regulars.backups.topic_copies import TopicCopies

_CHECK_S = 0.05


class Pulse:
    """Looks at PostgreSQL, whose log the slot keeps for the archive, and at Kafka, whose topics are copied."""

    def __init__(self, archive: Archive, servers: Callable[[], Servers], slot: str, copies: TopicCopies) -> None:
        self._archive, self._servers, self._slot, self._copies = archive, servers, slot, copies
        self.waits_for = ""
        """What the last one waits, or has waited, for."""

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[tuple[asyncpg.Connection, LogEnds]]:
        """At both servers. Raises OtherInstallation."""
        servers = self._servers()
        async with connected(servers.postgres) as connection:
            check_same(self._archive.about(), await identity(servers, connection), self._archive.folder)
            ends = LogEnds(servers.kafka, client="regulars-backup")
            try:
                yield connection, ends
            finally:
                await ends.close()

    async def complete(self, connection: asyncpg.Connection, ends: LogEnds, *bases: str | None) -> datetime:
        """Wait until all is in the archive that was committed and published before this call; gives its instant.

        By PostgreSQL's clock; of topics the copies for those base backups. A transaction of ours is committed then: a
        recovery ends at the first commit of after the instant that it is told, and without one fails.

        Raises Superseded, CopyFailed, and OSError for a disk that is full.
        """
        mine = self._copies.serving(bases)
        read = await read_of_intake(self._servers())
        at: datetime = await connection.fetchval("select clock_timestamp()")
        await connection.execute("select pg_logical_emit_message(true, 'regulars-backup', '')")
        written = await connection.fetchval("select pg_current_wal_insert_lsn()::text")
        stood = [(each.copy, each.copy.next) for each in mine]
        until = await ends.ends({each.copy.topic for each in mine})
        for copy, next_ in stood:
            copy.check_ends(next_, until)
        starts = await ends.starts(until)
        until = {place: end for place, end in until.items() if end > starts[place]}  # the others hold no record
        while True:
            for each in mine:
                each.check()
            lacking = [f"the copy of {each.copy.topic}" for each in mine if not each.copy.has(until)]
            if not await self._received(connection, written):
                lacking.append("PostgreSQL's log")
            if not lacking:
                break
            self.waits_for = ", ".join(lacking)
            await asyncio.sleep(_CHECK_S)
        # What Kafka has dropped by its time goes here, too, whether or not somebody has read it.
        gone = {place: max(read.get(place, 0), start) for place, start in starts.items()}
        for each in mine:
            if each.copy.topic.startswith(INTAKE):
                await each.copy.forget(read | gone)
        return at

    async def say(self, connection: asyncpg.Connection, complete: bool) -> bool:
        """Let every service see whether all is in the archive: by a lock, which goes with the connection. Whether it
        is held now."""
        done: bool = await connection.fetchval(
            f"select pg_{'try_advisory_lock' if complete else 'advisory_unlock'}($1, hashtext($2))",
            *(COMPLETE, self._slot),
        )
        return complete and done

    async def _received(self, connection: asyncpg.Connection, lsn: str) -> bool:
        return bool(
            await connection.fetchval(
                "select exists (select from pg_stat_replication"
                " where application_name = $1 and flush_lsn >= $2::text::pg_lsn)",
                *(self._slot, lsn),
            )
        )
