"""One instant of all databases and logs, at which each knows exactly what the others have told it.

A backup whose databases were read at different moments contradicts itself: membership would know an order that
orders-ingest does not. So for some milliseconds every outbox is locked against new facts and against marks of what was
published. What is in the logs then was committed before; what is marked as published is in the logs; and no consumer
stands beyond their ends. The snapshots are taken within the lock, and outlive it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from common.bus.broker import LogEnds, Position
from regulars.stack.databases import dsn, in_database
from regulars.stack.errors import StackError

_TRIES, _LOCK_S = 10, 5


@dataclass(frozen=True, slots=True)
class Cut:
    """`snapshots`: PostgreSQL's, by database, for `pg_dump --snapshot`. `ends`: the offset after the last record."""

    snapshots: Mapping[str, str]
    ends: Mapping[Position, int]


@asynccontextmanager
async def cut(admin_url: str, databases: Sequence[str], servers: str, topics: Sequence[str]) -> AsyncIterator[Cut]:
    """The snapshots hold until the block ends. Raises StackError where the services' work leaves no moment for it."""
    async with AsyncExitStack() as stack:
        readers, writers = {}, []
        for name in databases:
            for kept in (True, False):
                connection = await asyncpg.connect(dsn(in_database(admin_url, name)), timeout=10)
                stack.push_async_callback(connection.close, timeout=5)
                if kept:
                    readers[name] = connection
                elif await connection.fetchval("select to_regclass('outbox') is not null"):
                    writers.append(connection)
        ends = LogEnds(servers, client="regulars-backup")
        stack.push_async_callback(ends.close)
        await ends.ends(topics)  # connected before anything is locked
        for attempt in range(_TRIES):
            try:
                await asyncio.gather(*(_lock(connection) for connection in writers))
                break
            except asyncpg.LockNotAvailableError:
                await asyncio.gather(*(_unlock(connection) for connection in writers))
                if attempt == _TRIES - 1:
                    raise StackError(
                        f"the services' transactions left no moment for a backup in {_TRIES} tries; try again"
                    ) from None
        try:
            taken = await asyncio.gather(*(_snapshot(connection) for connection in readers.values()))
            snapshots = dict(zip(readers, taken, strict=True))
            found = await ends.ends(topics)
        finally:
            await asyncio.gather(*(_unlock(connection) for connection in writers))
        yield Cut(snapshots, found)


async def _lock(connection: asyncpg.Connection) -> None:
    await connection.execute(f"begin; set local lock_timeout = '{_LOCK_S}s'")
    await connection.execute("lock table outbox in share mode")


async def _unlock(connection: asyncpg.Connection) -> None:
    await connection.execute("rollback")


async def _snapshot(connection: asyncpg.Connection) -> str:
    await connection.execute("begin isolation level repeatable read, read only")
    return str(await connection.fetchval("select pg_export_snapshot()"))
