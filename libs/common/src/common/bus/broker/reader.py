"""Reads every partition of one topic, from its first record or a given offset on, outside of any consumer group."""

import asyncio
import logging
import time
from collections.abc import Mapping, Set
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from common.bus.broker.connecting import abandon_consumer, connect
from common.bus.broker.errors import BrokerUnavailable
from common.bus.broker.records import Position, Record
from common.bus.broker.security import client_options
from common.bus.broker.session import FETCH_MAX_BYTES, MAX_MESSAGE_BYTES, record_of
from common.bus.broker.topics import partitions_of

log = logging.getLogger(__name__)
CALL_TIMEOUT_S = 10.0
STALLED_S = 10.0
"""After so long without a record, though there is one, the inner consumer is made anew (K15)."""


class Reader:
    """For small topics that every process reads whole, and again at every start: what reads them is idempotent.

    `since`: where to begin; a partition that is missing there is read from its first record.
    Positions are the process's own. When a call raises BrokerUnavailable, wait a moment and call it again: reading goes
    on where it stood. A log that begins behind that position, or another cluster's, is read from its first record.
    """

    def __init__(self, servers: str, topic: str, *, client: str, since: Mapping[Position, int] | None = None) -> None:
        self._servers, self._topic, self._client = servers, topic, client
        self._inner: Any = None
        self._next: dict[Position, int] = dict(since or {})
        self._ends: dict[Position, int] = {}
        self._progress_at = time.monotonic()

    @property
    def partitions(self) -> Set[Position]:
        """Those that it reads: all that there were when it was opened. Others it finds when it is closed and read."""
        return self._ends.keys()

    @property
    def positions(self) -> dict[Position, int]:
        """Where it stands: all before was returned, or is no record (a transaction's marker, what was compacted)."""
        return dict(self._next)

    async def read(self, timeout_s: float = 0.5) -> list[Record]:
        """The next records, in order within a partition; none when none came in time. Raises BrokerUnavailable."""
        try:
            inner = await self._open()
            # aiokafka keeps no deadline of its own in every case (K4).
            async with asyncio.timeout(timeout_s + CALL_TIMEOUT_S):
                fetched = await inner.getmany(timeout_ms=int(timeout_s * 1000))
                stands = {Position(tp.topic, tp.partition): await inner.position(tp) for tp in inner.assignment()}
            records = [record_of(raw) for tp in sorted(fetched) for raw in fetched[tp]]
            self._next |= stands
            if records:
                self._progress_at = time.monotonic()
            elif time.monotonic() - self._progress_at > STALLED_S:
                self._progress_at = time.monotonic()
                if await self.lag():
                    raise BrokerUnavailable(f"Kafka answers, but the reader of {self._topic} has brought nothing")
        except (KafkaError, OSError, TimeoutError, AssertionError, BrokerUnavailable) as error:
            await self.close()
            raise BrokerUnavailable(f"reading {self._topic} failed: {error!r}") from error
        return records

    async def at_end(self) -> bool:
        """Whether all was returned that the log held when it was opened. Raises BrokerUnavailable."""
        try:
            await self._open()
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"reading {self._topic} failed: {error!r}") from error
        return all(self._next[position] >= end for position, end in self._ends.items())

    async def lag(self) -> int:
        """Records that are in the log and were not returned yet. Raises BrokerUnavailable."""
        looker: Any = AIOKafkaConsumer(
            **client_options(),
            bootstrap_servers=self._servers,
            client_id=f"{self._client}-ends",
            isolation_level="read_committed",
        )
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                partitions = await self._partitions()
                await connect(looker)
                first, ends = await looker.beginning_offsets(partitions), await looker.end_offsets(partitions)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"Kafka does not say where {self._topic} ends: {error!r}") from error
        finally:
            await abandon_consumer(looker)
        return sum(max(0, ends[tp] - self._next.get(Position(tp.topic, tp.partition), first[tp])) for tp in partitions)

    async def close(self) -> None:
        """Drop the connections; the next read makes new ones. Never raises."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await abandon_consumer(inner)

    async def _open(self) -> Any:
        if self._inner is not None:
            return self._inner
        inner: Any = AIOKafkaConsumer(
            **client_options(),
            bootstrap_servers=self._servers,
            client_id=self._client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # to read again is harmless here
            isolation_level="read_committed",
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_max_bytes=FETCH_MAX_BYTES,
            max_poll_records=500,
        )
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                partitions = await self._partitions()
                await connect(inner)
                first, ends = await inner.beginning_offsets(partitions), await inner.end_offsets(partitions)
        except BaseException:
            await abandon_consumer(inner)
            raise
        inner.assign(partitions)
        for tp in partitions:
            position = Position(tp.topic, tp.partition)
            stood = self._next.get(position, first[tp])
            self._next[position] = stood if first[tp] <= stood <= ends[tp] else first[tp]
            self._ends[position] = ends[tp]
            inner.seek(tp, self._next[position])
        self._inner, self._progress_at = inner, time.monotonic()
        return inner

    async def _partitions(self) -> list[Any]:
        numbers = await partitions_of(self._servers, self._topic, CALL_TIMEOUT_S)
        return [TopicPartition(self._topic, number) for number in numbers]
