"""The relay from the outbox to Kafka: in `seq` order, by one holder, marked only after the acknowledgement."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.bus.broker import BrokerUnavailable, MessageRefused, OffsetOutOfLog, Outgoing, Producer, cluster_id
from common.storage.database import Database
from common.storage.failures import passes

log = structlog.get_logger()
BATCH = 1000
BATCH_BYTES = 8 * 1024 * 1024
"""Payload of one batch, by which memory is bounded; a single larger fact goes alone."""
IDLE_S = 60
"""A frozen holder loses its session, and with it the lock, after so long; a live one looks every second."""


CLOSED_S = 10.0
"""A topic that Kafka forbids or does not have is tried again after so long; its facts wait."""


class Relay:
    """One holder per service by advisory lock; reads and marks on the very session that holds it.

    A key lives in one topic: a closed topic keeps its own facts waiting, in order, and no others.
    """

    def __init__(self, database: Database, servers: str, service: str) -> None:
        self._database = database
        self._servers = servers
        self._service = service
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._lock = zlib.crc32(f"relay:{service}".encode())
        self._closed: dict[str, float] = {}
        """Topics that are forbidden or missing, and when each is tried again."""
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
                await self._sleep(1)
                return
            await connection.execute(text(f"set idle_session_timeout = '{IDLE_S}s'"))
            await self._check_cluster(connection)
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            await driver.add_listener("outbox", self._notified)
            producer = Producer(self._servers, client=self._service)
            try:
                await producer.start()
                self.holder = True
                while not self._stopping.is_set():
                    self._wake.clear()
                    if not await self.step(connection, producer):
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(self._wake.wait(), 1)
            finally:
                await producer.stop(5)
                with contextlib.suppress(Exception):
                    await driver.remove_listener("outbox", self._notified)
                # The session ends with the lock: a session that went back to the pool would hold it for ever.
                await connection.invalidate()

    async def _check_cluster(self, connection: AsyncConnection) -> None:
        """Publish to one cluster alone, for good: what is marked as published must be in the log that others read."""
        found = await cluster_id(self._servers)
        await connection.execute(text("insert into cluster (id) values (:id) on conflict do nothing"), {"id": found})
        known = (await connection.execute(text("select id from cluster"))).scalar()
        if known != found:
            raise OffsetOutOfLog(
                f"{self._service} publishes to Kafka cluster {known}, this one is {found}: point the service at the "
                "right cluster, or clear its `cluster` table and republish to fill this one"
            )

    async def step(self, connection: AsyncConnection, producer: Producer) -> int:
        """Publish one batch; returns how many were acknowledged and marked."""
        now = time.monotonic()
        closed = [topic for topic, until in self._closed.items() if until > now]
        found = await connection.execute(text(_UNPUBLISHED), {"limit": BATCH, "bytes": BATCH_BYTES, "closed": closed})
        rows = found.fetchall()
        if not self._closed:
            return await self._publish(connection, producer, rows)
        # Topic by topic, so that the try of a closed one does not send those of the others twice.
        return sum(
            [
                await self._publish(connection, producer, [row for row in rows if row.aggregatetype == topic])
                for topic in dict.fromkeys(row.aggregatetype for row in rows)
            ]
        )

    async def _publish(self, connection: AsyncConnection, producer: Producer, rows: Sequence[Any]) -> int:
        """Send these, mark what was acknowledged; returns how many were, or 1 where one or a topic was put aside."""
        if not rows:
            return 0
        try:
            acked = await producer.send([_outgoing(r) for r in rows])
        except MessageRefused as error:
            # Kafka will never take this row: it is kept, counted and alarmed about, and never called published.
            await connection.execute(text(_REFUSED), {"seq": rows[0].seq, "reason": str(error)[:1000]})
            log.error("fact_refused", seq=rows[0].seq, detail=str(error)[:500])
            return 1
        if acked:
            await connection.execute(text(_MARK), {"seqs": [r.seq for r in rows[:acked]]})
            self.published += acked
        if acked < len(rows) and (topic := producer.closed_topic) is not None:
            self._closed[topic] = time.monotonic() + CLOSED_S
            log.error("topic_closed", topic=topic, detail=producer.failed, again_s=CLOSED_S)
            return max(1, acked)
        if acked < len(rows):
            raise BrokerUnavailable(
                f"{len(rows) - acked} of {len(rows)} facts were not acknowledged, the first of topic "
                f"{rows[acked].aggregatetype}: {producer.failed}"
            )
        for row in rows:
            self._closed.pop(row.aggregatetype, None)
        return acked

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _notified(self, *_: object) -> None:
        self._wake.set()


def _outgoing(row: Any) -> Outgoing:
    headers = {"id": row.id.encode(), "type": row.type.encode(), "shop": row.shop.encode()}
    return Outgoing(row.aggregatetype, row.aggregateid.encode(), row.payload.encode(), headers)


# The oldest facts that no broker has acknowledged yet, without those of closed topics. A payload's length is known
# without reading it.
_UNPUBLISHED = """
select seq, id, aggregatetype, aggregateid, type, shop, payload
from (
    select *, sum(octet_length(payload)) over (order by seq) as bytes, row_number() over (order by seq) as number
    from (
        select * from outbox
        where published_at is null and refused is null and aggregatetype <> all(cast(:closed as text[]))
        order by seq limit :limit
    ) as oldest
) as counted
where bytes <= :bytes or number = 1
order by seq
"""
_MARK = "update outbox set published_at = now() where seq = any(:seqs)"
_REFUSED = "update outbox set refused = :reason where seq = :seq"
