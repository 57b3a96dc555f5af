"""The live service's database, as the rebuild beside it looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from common.bus import offsets
from common.bus.broker import Position
from common.bus.inbox import Name, key_of
from common.process.runtime import Copied
from common.service.refusing import CannotRebuild
from common.storage.columns import Columns
from common.storage.database import Database, Transaction
from common.storage.migrate import driver_url

PAGE = 1_000
_RESENT = """
select cluster, topic, partition, "offset", resent_at from dead_events where resent_at is not null
"""
_BURIED = """
select cluster, topic, partition, "offset", shop, customer, source, event_id, type, slug, detail, body, recorded_at
from dead_events where slug = 'unknown_version' order by dead_id
"""
_CLAIMS = "select key, hash, recorded_at from inbox where key = any($1)"
_CLAIMED = Columns("w", key="uuid", hash="uuid", recorded_at="timestamptz")
_NUMBERED = """
select column_name as name, pg_get_serial_sequence(table_name, column_name) as sequence
from information_schema.columns where table_schema = 'public' and table_name = :table and is_identity = 'YES'
"""
"""Columns that a table numbers by itself."""
_PLACES = Columns("w", cluster="text", topic="text", partition="integer", at="bigint", resent_at="timestamptz")

_LETTERS = Columns(
    "w",
    **dict.fromkeys(("cluster", "topic"), "text"),
    partition="integer",
    at="bigint",
    **dict.fromkeys(("shop", "customer", "source", "event_id", "type", "slug", "detail"), "text"),
    body="bytea",
    recorded_at="timestamptz",
)


class Live:
    """Reads it alone, a question at a time, large tables in pages. `url` begins with postgresql+asyncpg://."""

    def __init__(self, url: str, service: str) -> None:
        self._url, self._service = url, service

    async def check_stopped(self) -> None:
        """Raises CannotRebuild while the service still runs, has facts that it did not publish, or news to fold."""
        connection = await self._connect()
        try:
            # By the index of what waits.
            waiting = await connection.fetchval(
                "select count(*) from outbox where published_at is null and refused is null"
            )
            unfolded = await connection.fetchval("select count(*) from long_histories")
            sessions = await connection.fetchval(
                """
                select count(*) from pg_stat_activity
                where datname = current_database() and split_part(application_name, ' ', 1) = $1
                """,
                self._service,
            )
        finally:
            await connection.close()
        if sessions:
            raise CannotRebuild(
                f"the live service still runs ({sessions} connections to its database): stop all its processes first"
            )
        if waiting:
            raise CannotRebuild(
                f"the live service has {waiting:,} facts that it did not publish: run `serve --only relay` on it until "
                "`outbox_unpublished_rows` is 0, and stop it"
            )
        if unfolded:
            raise CannotRebuild(
                f"the live service has yet to fold late news of {unfolded:,} customers with many inputs: run "
                "`serve --only sweeps` on it until its table long_histories is empty, then its relay, and stop it"
            )

    async def stood(self) -> dict[Position, int]:
        """Up to where it has read its topics."""
        database = Database(self._url, service="rebuild", pool_size=2)
        try:
            async with database.transaction() as tx:
                return await offsets.stored(tx)
        finally:
            await database.close()

    async def done_until(self) -> datetime | None:
        """The latest instant of what it has done because it fell due; None where it never did anything."""
        connection = await self._connect()
        try:
            found: datetime | None = await connection.fetchval("select max(done_until) from customers")
        finally:
            await connection.close()
        return found

    async def take_clock(self, database: Database) -> None:
        """On a set clock: what time it is there."""
        await self.copy((Copied("clock"),), database)

    async def copy(self, copied: Sequence[Copied], database: Database) -> None:
        """Put the live rows in the place of those in the database, in this order, with their claims."""
        if not copied:
            return
        connection = await self._connect()
        try:
            async with database.transaction() as tx:
                for each in reversed(copied):
                    await tx.execute(f"delete from {each.table} where {each.where}")
                for each in copied:
                    async with connection.transaction():
                        cursor = await connection.cursor(f"select * from {each.table} where {each.where}")
                        while rows := await cursor.fetch(PAGE):
                            await tx.copy(each.table, list(rows[0].keys()), [tuple(row.values()) for row in rows])
                            if each.claimed:
                                names = [(row["shop"], row["source"], row["event_id"]) for row in rows]
                                await self._copy_claims(connection, tx, names)
                    for row in await tx.fetch(_NUMBERED, table=each.table):
                        await tx.execute(
                            f"select setval(:sequence, coalesce(max({row.name}), 0) + 1, false) from {each.table}",
                            sequence=row.sequence,
                        )
        finally:
            await connection.close()

    async def _copy_claims(self, connection: asyncpg.Connection, tx: Transaction, names: Sequence[Name]) -> None:
        # By primary key.
        rows = await connection.fetch(_CLAIMS, [key_of(name) for name in names])
        await tx.execute(
            f"""
            insert into inbox (key, hash, recorded_at) select key, hash, recorded_at from {_CLAIMED}
            on conflict do nothing
            """,
            **_CLAIMED.of(tuple(row) for row in rows),
        )

    async def take_buried(self, database: Database) -> None:
        """The events of newer versions that an operator buried there: a rebuild, too, passes over them."""
        connection = await self._connect()
        try:
            async with connection.transaction():
                cursor = await connection.cursor(_BURIED)
                while rows := await cursor.fetch(PAGE):
                    async with database.transaction() as tx:
                        await tx.execute(
                            f"""
                            insert into dead_events (cluster, topic, partition, "offset", shop, customer, source,
                                                     event_id, type, slug, detail, body, recorded_at)
                            select * from {_LETTERS}
                            on conflict (cluster, topic, partition, "offset") do nothing
                            """,
                            **_LETTERS.of(tuple(row) for row in rows),
                        )
        finally:
            await connection.close()

    async def take_resent(self, database: Database) -> None:
        """Which dead events were sent again there: what they became stands among the mended ones on the own topic."""
        connection = await self._connect()
        try:
            async with connection.transaction():
                cursor = await connection.cursor(_RESENT)
                while rows := await cursor.fetch(PAGE):
                    async with database.transaction() as tx:
                        # By the unique index.
                        await tx.execute(
                            f"""
                            update dead_events d set resent_at = w.resent_at, body = null from {_PLACES}
                            where d.cluster = w.cluster and d.topic = w.topic and d.partition = w.partition
                              and d."offset" = w.at
                            """,
                            **_PLACES.of(tuple(row) for row in rows),
                        )
        finally:
            await connection.close()

    async def _connect(self) -> asyncpg.Connection:
        settings = {"application_name": "rebuild", "statement_timeout": "600000"}
        return await asyncpg.connect(driver_url(self._url), timeout=10, server_settings=settings)
