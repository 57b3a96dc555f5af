"""The relay from the outbox to Kafka: in `seq` order, by one holder, marked only after the acknowledgement."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import tracing
from common.bus import republishing
from common.bus.broker import BrokerUnavailable, MessageRefused, OffsetOutOfLog, Outgoing, Producer, cluster_id
from common.bus.republishing import Progress
from common.storage.database import Database
from common.storage.failures import passes

log = structlog.get_logger()
T = TypeVar("T")
BATCH = 1000
BATCH_BYTES = 8 * 1024 * 1024
"""Payload of one batch, by which memory is bounded; a single larger fact goes alone."""
IDLE_S = 5
"""A holder that is frozen, or whose host vanished, loses its session, and with it the lock, after so long."""
LOOK_S = 1.0
"""So often a holder uses its session, while it waits for Kafka too: a live one keeps it."""
STALE_S = 2.0
"""Rows that were read longer ago are sent only when the session that read them still stands."""
PACE_S = 0.02
"""A batch is read so long after the one before, unless that was full: what comes meanwhile goes with it."""
CLOSED_S = 10.0
"""A topic that Kafka forbids or does not have is tried again after so long; its facts wait."""


class Relay:
    """One holder per service by advisory lock; reads and marks on the very session that holds it.

    PostgreSQL ends the session of a holder that is silent for `IDLE_S`, and another process takes over. Who was frozen
    meanwhile loses its batch unsent. A batch that was on its way to Kafka when it froze may stand there twice, which
    readers drop by `inbox`.

    A key lives in one topic: a closed topic keeps its own facts waiting, in order, and no others.
    """

    def __init__(self, database: Database, servers: str, service: str) -> None:
        self._database = database
        self._servers = servers
        self._service = service
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._lock = relay_lock(service)
        self._closed: dict[str, float] = {}
        """Topics that are forbidden or missing, and when each is tried again."""
        self._most = BATCH
        """Rows of the next batch: fewer after one that failed, for a slow broker may take part of it in time."""
        self._more = True
        """Whether the last step may have left something: it was full, or not all of it was taken."""
        self.published = 0
        self.holder = False

    async def run(self) -> None:
        """Until `stop`. On a send error or a lost session the producer is thrown away; unmarked rows are sent again."""
        wait = 0.1
        while not self._stopping.is_set():
            try:
                await self._hold()
                wait = 0.1
            except Exception as error:
                if not passes(error):
                    raise
                log.warning("relay_paused", reason=type(error).__name__, detail=str(error)[:300])
                await self._sleep(wait)
                wait = min(wait * 2, 5)
            finally:
                self.holder = False

    async def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    async def _hold(self) -> None:
        async with self._database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            if not (await connection.execute(text("select pg_try_advisory_lock(:k)"), {"k": self._lock})).scalar():
                await self._sleep(LOOK_S)
                return
            try:
                await self._publish_all(connection)
            finally:
                # The session ends with the lock: a session that went back to the pool would hold it for ever.
                await connection.invalidate()

    async def _publish_all(self, connection: AsyncConnection) -> None:
        """As the holder, until `stop`."""
        # The second is for a host that vanished while it was being sent rows.
        await connection.execute(text(f"set idle_session_timeout = '{IDLE_S}s'"))
        await connection.execute(text(f"set tcp_user_timeout = '{IDLE_S}s'"))
        producer = Producer(self._servers, client=self._service)
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            await self._check_cluster(connection)
            await driver.add_listener("outbox", self._notified)
            await self._holding(connection, producer.start())
            self.holder, self._database.relay_here = True, self._wake
            while not self._stopping.is_set():
                began = time.monotonic()
                self._wake.clear()
                done = await self.step(connection, producer)
                if done and self._more:
                    continue
                # Whatever was committed after the rows were read has woken it.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_S)
                if done:
                    await self._sleep(began + PACE_S - time.monotonic())
        finally:
            self.holder, self._database.relay_here = False, None
            await producer.stop(5)
            with contextlib.suppress(Exception):
                await driver.remove_listener("outbox", self._notified)

    async def _holding(self, connection: AsyncConnection, work: Coroutine[Any, Any, T]) -> T:
        """The result of work with Kafka, the session kept meanwhile. Raises what the session raises when it is lost."""
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=LOOK_S))[0]:
                await connection.execute(text("select 1"))
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def _check_cluster(self, connection: AsyncConnection) -> None:
        """Publish to one cluster alone, for good: what is marked as published must be in the log that others read."""
        found = await self._holding(connection, cluster_id(self._servers))
        await connection.execute(text("insert into cluster (id) values (:id) on conflict do nothing"), {"id": found})
        known = (await connection.execute(text("select id from cluster"))).scalar()
        if known != found:
            raise OffsetOutOfLog(
                f"{self._service} publishes to Kafka cluster {known}, this one is {found}: point the service at the "
                "right cluster, or clear its `cluster` table and republish to fill this one"
            )

    async def step(self, connection: AsyncConnection, producer: Producer) -> int:
        """Publish one batch; returns how many were acknowledged and marked."""
        now, most = time.monotonic(), self._most
        self._more = True
        closed = [topic for topic, until in self._closed.items() if until > now]
        found = await connection.execute(text(_UNPUBLISHED), {"limit": most, "bytes": BATCH_BYTES, "closed": closed})
        if not (rows := found.fetchall()):
            again = await republishing.under_way(connection)
            return 0 if again is None else await self._send_again(connection, producer, again, closed, now)
        published = await self._publish_by_topic(connection, producer, rows, now)
        all_read = len(rows) < most and sum(len(row.payload) for row in rows) < BATCH_BYTES // 8
        self._more = not all_read or published < len(rows)
        return published

    async def _send_again(
        self, connection: AsyncConnection, producer: Producer, again: Progress, closed: Sequence[str], read: float
    ) -> int:
        """The next batch of facts that an operator had sent again; what is new waits, so that order stays.

        Those of a closed topic are put among the unpublished ones, and go when it is open.
        """
        bounds = {"limit": self._most, "bytes": BATCH_BYTES, "done": again.done, "upto": again.upto}
        rows = (await connection.execute(text(_SENT_AGAIN), bounds)).fetchall()
        if not rows:
            await republishing.end(connection, again)
            return 1
        open_ = [row for row in rows if row.aggregatetype not in closed]
        published = await self._publish_by_topic(connection, producer, open_, read)
        if published == len(open_) and not any(row.aggregatetype in self._closed for row in open_):
            await republishing.advance(connection, rows[-1].seq, [row for row in rows if row.aggregatetype in closed])
        return max(1, published)

    async def _publish_by_topic(
        self, connection: AsyncConnection, producer: Producer, rows: Sequence[Any], read: float
    ) -> int:
        """Topic by topic where one is closed, so that the try of a closed one does not send those of others twice."""
        if not self._closed:
            return await self._publish(connection, producer, rows, read)
        return sum(
            [
                await self._publish(connection, producer, [row for row in rows if row.aggregatetype == topic], read)
                for topic in dict.fromkeys(row.aggregatetype for row in rows)
            ]
        )

    async def _publish(self, connection: AsyncConnection, producer: Producer, rows: Sequence[Any], read: float) -> int:
        """Send these, mark what was acknowledged; returns how many were, or 1 where one or a topic was put aside.

        `read`: by the monotonic clock, from before they were read.
        """
        if not rows:
            return 0
        outgoing = [_outgoing(r) for r in rows]
        if time.monotonic() - read > STALE_S:
            # Frozen meanwhile, maybe: another holder may have published these rows, and later ones. A session that was
            # lost raises here.
            await connection.execute(text("select 1"))
        try:
            with tracing.published(self._service, ((row.type, row.payload) for row in rows)):
                acked = await self._holding(connection, producer.send(outgoing))
        except MessageRefused as error:
            # Kafka will never take this row: it is kept, counted and alarmed about, and never called published.
            refused = {"slot": rows[0].slot, "seq": rows[0].seq, "reason": str(error)[:1000]}
            await connection.execute(text(_REFUSED), refused)
            log.error("fact_refused", seq=rows[0].seq, detail=str(error)[:500])
            return 1
        if acked:
            marked = {"slots": sorted({r.slot for r in rows[:acked]}), "seqs": [r.seq for r in rows[:acked]]}
            await connection.execute(text(_MARK), marked)
            self.published += acked
        if acked < len(rows) and (topic := producer.closed_topic) is not None:
            self._closed[topic] = time.monotonic() + CLOSED_S
            log.error("topic_closed", topic=topic, detail=producer.failed, again_s=CLOSED_S)
            return max(1, acked)
        self._most = min(self._most * 2, BATCH) if acked == len(rows) else max(1, len(rows) // 2)
        if acked < len(rows):
            raise BrokerUnavailable(
                f"{len(rows) - acked} of {len(rows)} facts were not acknowledged, the first of topic "
                f"{rows[acked].aggregatetype}: {producer.failed}"
            )
        for row in rows:
            self._closed.pop(row.aggregatetype, None)
        return acked

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _notified(self, *_: object) -> None:
        self._wake.set()


def relay_lock(service: str) -> int:
    """The advisory lock of who publishes the service's facts, in its database."""
    return zlib.crc32(f"relay:{service}".encode())


def _outgoing(row: Any) -> Outgoing:
    headers = {"id": row.id.encode(), "type": row.type.encode(), "shop": row.shop.encode()}
    return Outgoing(row.aggregatetype, row.aggregateid.encode(), row.payload.encode(), headers)


def _oldest(condition: str) -> str:
    """The oldest facts of which the condition holds, `limit` and `bytes` at most, and at least one."""
    # A payload's length is known without reading it.
    return f"""
        select slot, seq, id, aggregatetype, aggregateid, type, shop, payload
        from (
            select *, sum(octet_length(payload)) over (order by seq) as bytes,
                   row_number() over (order by seq) as number
            from (select * from outbox where {condition} order by seq limit :limit) as oldest
        ) as counted
        where bytes <= :bytes or number = 1
        order by seq
    """


# What no broker has acknowledged yet, without closed topics; by the index of what waits. A database that is being
# rebuilt publishes nothing, whoever started a relay on it, and what is sent again goes before anything new.
_UNPUBLISHED = _oldest(
    "published_at is null and refused is null and aggregatetype <> all(cast(:closed as text[]))"
    " and not exists (select from rebuilding) and not exists (select from republishing)"
)
# By primary key.
_SENT_AGAIN = _oldest(republishing.SENT_AGAIN)
# By the partitions that hold them.
_MARK = """
update outbox set published_at = now() where slot = any(:slots) and seq = any(:seqs) and published_at is null
"""
_REFUSED = "update outbox set refused = :reason, published_at = null where slot = :slot and seq = :seq"
