"""One unit of work in a service's database; SQL is text with named parameters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import CursorResult, Dialect, Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import tracing
from common.events import CustomerKey, Event
from common.storage import customer_rows, traces
from common.storage.columns import Columns
from common.storage.customer_rows import CustomerRow, customer_row
from common.time.clock import Clock

UNIT_OF_WORK_S = 60
_ASIDE = Columns("w", topic="text", key="text", standing="text", name="text", shop="text", payload="text")
# In a rebuild, under the locks of the customers.
_KEEP_ASIDE = f"""
insert into rebuilt_facts (topic, key, standing, name, shop, payload)
select topic, key, standing, name, shop, payload from {_ASIDE}
on conflict (topic, key, standing, name) do update set payload = excluded.payload, seq = default
"""


@lru_cache(maxsize=1024)
def _statement(sql: str, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The statement as the driver takes it, and the names of its parameters in order; read once.

    To find them anew at every use costs more than many a query, and to have SQLAlchemy look its own translation up a
    fifth of a statement's CPU time.
    """
    compiled = text(sql).compile(dialect=dialect)
    return compiled.string, tuple(compiled.positiontup or ())


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
            names = {"shops": [shop for shop, _ in wanted], "customers": [customer for _, customer in wanted]}
            if not there:
                # Who comes second waits here for the first.
                await self.execute(customer_rows.INSERT, **names)
            for row in await self.fetch(customer_rows.LOCK, **names):
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
