"""The database of a service: its pool of sessions, a transaction for each unit of work, again after a deadlock."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar
from uuid import uuid4

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from common.storage.failures import UnitOfWorkTooLong
from common.storage.tls import split_tls
from common.storage.transaction import UNIT_OF_WORK_S, Transaction
from common.time.clock import Clock, WallClock

__all__ = ["Database", "Transaction"]

_DEADLOCK = "40P01"
_PAUSES_S = (0.02, 0.1, 0.5, 1.0, 2.0)
T = TypeVar("T")
log = structlog.get_logger()


@contextmanager
def _own_deadline(within_s: float) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    except Exception as error:
        # A loop that was held up for so long sees other errors first: a session that the server has ended meanwhile.
        if time.monotonic() - began < within_s:
            raise
        raise UnitOfWorkTooLong(f"a unit of work took longer than {within_s} s") from error


class Database:
    """A pool with deadlines on every level (asyncpg has none by itself, and waits for a lost server)."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        service: str = "",
        pool_size: int = 10,
        rebuilding: bool = False,
    ) -> None:
        self.clock: Clock = clock or WallClock()
        self.service = service
        self.rebuilding = rebuilding
        self.relay_here: asyncio.Event | None = None
        """Wakes the relay of this process while it is the one that publishes; None: another process may be."""
        self.most_sessions = 2 * pool_size
        self.session_name = f"{service or 'regulars'} {uuid4().hex[:8]}"
        """What PostgreSQL calls the sessions of this pool, and of no other: who holds a lease is seen to live by it."""
        plain, tls = split_tls(url)
        self.engine: AsyncEngine = create_async_engine(
            plain,
            pool_size=pool_size,
            max_overflow=self.most_sessions - pool_size,
            pool_timeout=10,
            pool_recycle=1800,
            pool_pre_ping=False,
            hide_parameters=True,  # values of statements, names among them, stand in no error and no log
            connect_args={
                **tls,
                "timeout": 5,
                "command_timeout": 35,  # beyond the server's own deadline, whose answer tells slow from away
                "server_settings": {
                    "application_name": self.session_name,
                    "statement_timeout": "30000",
                    "lock_timeout": "15000",
                    "idle_in_transaction_session_timeout": "90000",
                    # The locks of a host that vanished without a word are free after 20 s, before its partitions are
                    # shared out. Keepalives see it where nothing is on its way, the timeout where something is.
                    "tcp_keepalives_idle": "10",
                    "tcp_keepalives_interval": "3",
                    "tcp_keepalives_count": "3",
                    "tcp_user_timeout": "20000",
                    "jit": "off",
                },
            },
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits when the block ends well, rolls back otherwise; an error on commit does not mean "not committed".

        Raises UnitOfWorkTooLong, whatever the block or the server raised, when it took longer than our own deadline.
        """
        with _own_deadline(UNIT_OF_WORK_S):
            async with asyncio.timeout(UNIT_OF_WORK_S), self.engine.connect() as connection:
                # It begins with its first statement; what is not committed is rolled back as the connection goes back.
                relay = self.relay_here
                tx = Transaction(
                    *(connection, self.clock, self.service),
                    rebuilding=self.rebuilding,
                    relay_is_here=relay is not None,
                )
                yield tx
                try:
                    await connection.commit()
                finally:
                    # An error does not mean that it is not committed.
                    if relay is not None and tx.has_facts:
                        relay.set()

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """The work in a transaction of its own, again when PostgreSQL ended it to resolve a deadlock.

        The work may run several times, so it has no effect outside of its transaction.
        """
        for wait in (*_PAUSES_S, None):
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except DBAPIError as error:
                if wait is None or getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                    raise
                log.warning("deadlock", again_in_s=wait)
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # nosec B311 # spreads retries
        raise AssertionError("unreachable")

    async def close(self) -> None:
        await self.engine.dispose()
