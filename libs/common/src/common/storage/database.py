"""The database of a service: one Transaction a unit of work; SQL is text with named parameters."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from sqlalchemy import CursorResult, Dialect, Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from common import tracing
from common.events import CustomerKey, Event
from common.storage import traces
from common.storage.columns import Columns
from common.storage.failures import UnitOfWorkTooLong
from common.storage.tls import split_tls
from common.time.clock import Clock, WallClock

UNIT_OF_WORK_S = 60
DEADLOCK = "40P01"
_PAUSES_S = (0.02, 0.1, 0.5, 1.0, 2.0)
T = TypeVar("T")
log = structlog.get_logger()


@lru_cache(maxsize=1024)
def _statement(sql: str, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The statement as the driver takes it, and the names of its parameters in order; read once.

    To find them anew at every use costs more than many a query, and to have SQLAlchemy look its own translation up a
    fifth of a statement's CPU time.
    """
    compiled = text(sql).compile(dialect=dialect)
    return compiled.string, tuple(compiled.positiontup or ())


@dataclass(slots=True)
class CustomerRow:
    """A locked customer; `last` is the order key of the last input folded or postponed, None before the first.

    `inputs`: how many were folded.
    """

    key: CustomerKey
    state: str | None
    last: tuple[datetime, int, str, str] | None
    done_until: datetime | None
    due_at: datetime | None
    revision: int
    inputs: int
    merged_into: str | None = None
    """Who absorbed the customer; the inputs of both are folded into the survivor's state."""
    merge_revision: int = 0


class Transaction:
    """One unit of work. Not for two tasks at once (asyncpg allows one statement at a time)."""

    def __init__(
        self,
        connection: AsyncConnection,
        clock: Clock,
        service: str = "",
        *,
        rebuilding: bool = False,
        relay_is_here: bool = False,
    ) -> None:
        """`relay_is_here`: who began the transaction wakes the relay after it, where it `has_facts`."""
        self.connection = connection
        self.clock = clock
        self.service = service
        self.rebuilding = rebuilding
        """The database is being filled from the topics (`common.bus.rebuilding`)."""
        self.locked: dict[CustomerKey, CustomerRow] = {}
        self.held: set[CustomerKey] = set()
        """Customers of whom more than their row is held until the commit, by the service's own locks."""
        self.traces: Mapping[str, str] | None = None
        """The traceparent that facts of an event bear, by the event's id (`common.tracing`); None: no event is read."""
        self.late = 0  # inputs that came after what they belong before
        self.has_facts = False
        self._notified = relay_is_here
        self._begun = self._still = self._singly = False

    async def _run(self, sql: str, params: dict[str, Any]) -> CursorResult[Any]:
        self._begun = True
        statement, names = _statement(sql, self.connection.dialect)
        return await self.connection.exec_driver_sql(statement, tuple([params[name] for name in names]))

    async def fetch(self, sql: str, **params: Any) -> Sequence[Row[Any]]:
        return (await self._run(sql, params)).fetchall()

    async def fetch_one(self, sql: str, **params: Any) -> Row[Any] | None:
        return (await self._run(sql, params)).fetchone()

    async def value(self, sql: str, **params: Any) -> Any:
        return (await self._run(sql, params)).scalar()

    async def execute(self, sql: str, **params: Any) -> int:
        """Run a statement; returns the number of rows it changed."""
        return int((await self._run(sql, params)).rowcount)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What fails within is undone, locked rows as they were before included, and the transaction goes on."""
        locked, late = {key: replace(row) for key, row in self.locked.items()}, self.late
        held, notified = set(self.held), self._notified
        try:
            async with self.connection.begin_nested():
                self._begun = True
                yield
        except BaseException:
            self.locked.clear()
            self.locked.update(locked)
            self.held = held
            self.late, self._notified = late, notified
            raise

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[Any]]) -> None:
        """COPY the records into the table, within this transaction."""
        rows = list(records)
        if not rows:
            return
        if not self._begun:
            # SQLAlchemy begins with its first own statement; COPY goes past it, to the driver.
            await self.fetch("select 1")
        raw = await self.connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.copy_records_to_table(table, columns=list(columns), records=rows, timeout=UNIT_OF_WORK_S)

    async def lock_customers(
        self, keys: Iterable[CustomerKey], *, there: bool = False
    ) -> dict[CustomerKey, CustomerRow]:
        """Insert the missing rows and lock all, sorted, so that two writers never wait for each other in a circle.

        Every missing row is inserted before any row is locked: a writer that inserts holds only rows that no other
        writer can see yet, so nobody who locks waits for it. Locking first and inserting then deadlocks.
        `there`: all of them have a row, as who has a message does, so that nothing is inserted.
        """
        wanted = sorted(set(keys) - self.locked.keys())
        if wanted:
            shops, customers = [k[0] for k in wanted], [k[1] for k in wanted]
            if not there:
                # Customers seen for the first time; who comes second waits here for the first.
                await self.execute(_INSERT_CUSTOMERS, shops=shops, customers=customers)
            # All rows by primary key, one after the other in order of key, whatever the plan (decision 0080).
            for row in await self.fetch(_LOCK_CUSTOMERS, shops=shops, customers=customers):
                self.locked[(row.shop, row.customer)] = customer_row(row)
        return self.locked

    async def stand_still(self) -> None:
        """All that is read from here on is of one instant, and nothing can be written. Before the first statement.

        Idempotent. Raises sqlalchemy.exc.InvalidRequestError after another statement, but for those read `singly`.
        """
        if self._singly:
            await self.connection.commit()
            self._singly = False
        if not self._still:
            # Said with BEGIN itself, so that it costs no statement.
            await self.connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._still = True

    async def singly(self) -> None:
        """Each statement is of an instant of its own, without BEGIN and COMMIT, which cost as much as two more.

        For who reads all with one. Before the first statement; until `stand_still`.
        """
        await self.connection.execution_options(isolation_level="AUTOCOMMIT")
        self._singly = True

    async def announce(self, events: Iterable[Event[Any]]) -> None:
        """Put facts into the outbox, in order; the caller holds the locks of the customers concerned.

        In a rebuild they are kept aside, of those with a revision the last of each type: most stand on the topic.
        """
        rows = list(events)
        if not rows:
            return
        if self.rebuilding:
            last = {(e.data.TOPIC, e.key, e.data.stands_as(), "" if e.data.has_revision() else e.id): e for e in rows}
            await self.execute(
                _KEEP_ASIDE, **_ASIDE.of((*name, e.shop, e.encode().decode()) for name, e in last.items())
            )
            return
        await self.publish(rows)

    async def publish(self, rows: Sequence[Event[Any]]) -> None:
        """Put facts into the outbox, in a rebuild too."""
        if self.traces:
            rows = [self._traced(e, self.traces) for e in rows]
        elif self.traces is None and tracing.makes_spans() and not tracing.in_request():
            rows = await traces.gone_on(self, rows)
        # `seq` is drawn in the order of the records, while the customers are locked.
        await self.copy(
            "outbox",
            ("id", "aggregatetype", "aggregateid", "type", "shop", "payload"),
            ((e.id, e.data.TOPIC, e.key, e.data.TYPE, e.shop, e.encode().decode()) for e in rows),
        )
        await self.wake_relay()

    async def wake_relay(self) -> None:
        """Have the relay look once this is committed. One in this process is told by itself, one elsewhere once."""
        self.has_facts = True
        if not self._notified:
            # At the commit PostgreSQL lets one transaction of all its databases at a time notify.
            await self.execute("notify outbox")
            self._notified = True

    @staticmethod
    def _traced(fact: Event[Any], bears: Mapping[str, str]) -> Event[Any]:
        trace = bears.get(fact.causationid or "")
        return replace(fact, traceparent=trace) if trace is not None and fact.traceparent is None else fact


_ASIDE = Columns("w", topic="text", key="text", standing="text", name="text", shop="text", payload="text")
# In a rebuild, under the locks of the customers.
_KEEP_ASIDE = f"""
insert into rebuilt_facts (topic, key, standing, name, shop, payload)
select topic, key, standing, name, shop, payload from {_ASIDE}
on conflict (topic, key, standing, name) do update set payload = excluded.payload, seq = default
"""
KNOWN_COLUMNS = """cast(c.state as text) as state, c.last_time, c.last_rank, c.last_source, c.last_id, c.done_until,
       c.due_at, c.revision, c.inputs, c.merged_into, c.merge_revision"""
"""What `customer_row` reads of `customers c` beside the key: the one list of it."""
CUSTOMER_COLUMNS = f"c.shop, c.customer, {KNOWN_COLUMNS}"
_LOCK_CUSTOMERS = f"""
select {CUSTOMER_COLUMNS}
from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer) cross join lateral (
    select * from customers k where k.shop = w.shop and k.customer = w.customer for update
) c
"""
_INSERT_CUSTOMERS = """
insert into customers (shop, customer)
select w.shop, w.customer
from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer) left join lateral (
    select true as known from customers c where c.shop = w.shop and c.customer = w.customer order by c.customer
) c on true
where c.known is null
order by w.shop collate "C", w.customer collate "C"
on conflict do nothing
"""


def customer_row(row: Row[Any], key: CustomerKey | None = None) -> CustomerRow:
    """Of a row of CUSTOMER_COLUMNS; of KNOWN_COLUMNS with the key."""
    last = None
    if row.last_time is not None:
        last = (row.last_time, row.last_rank, row.last_source, row.last_id)
    return CustomerRow(
        *(key or (row.shop, row.customer), row.state, last, row.done_until, row.due_at, row.revision, row.inputs),
        *(row.merged_into, row.merge_revision),
    )


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
        self.session_name = f"{service or 'regulars'} {uuid4().hex[:8]}"
        """What PostgreSQL calls the sessions of this pool, and of no other: who holds a lease is seen to live by it."""
        plain, tls = split_tls(url)
        self.engine: AsyncEngine = create_async_engine(
            plain,
            pool_size=pool_size,
            max_overflow=pool_size,
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
                if wait is None or getattr(error.orig, "sqlstate", None) != DEADLOCK:
                    raise
                log.warning("deadlock", again_in_s=wait)
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # nosec B311 # spreads retries
        raise AssertionError("unreachable")

    async def close(self) -> None:
        await self.engine.dispose()
