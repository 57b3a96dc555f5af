"""Where the logs of topics begin and end, asked outside of any consumer group."""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from common.bus.broker.connecting import abandon_consumer, connect
from common.bus.broker.errors import BrokerUnavailable
from common.bus.broker.records import Position
from common.bus.broker.security import client_options
from common.bus.broker.topics import partitions_by_topic

CALL_TIMEOUT_S = 5.0
_LOOK_BYTES = 256 * 1024
"""Of a partition, read to see whether it holds a record at all."""
PARTITIONS_FOR_S = 60.0
"""How long the number of a topic's partitions is taken for known: it is raised by hand, after a drain."""


class LogEnds:
    """Asks over a connection of its own, made at the first question and anew after an error.

    Of all partitions, whoever reads them: a consumer knows those alone that it was given. A topic that does not exist
    has none. Every question has a deadline; several tasks may ask at once, one after the other is answered.
    """

    def __init__(self, servers: str, *, client: str) -> None:
        self._servers, self._client = servers, client
        self._inner: Any = None
        self._partitions: dict[str, list[int]] = {}
        self._known_until = 0.0
        self._turn = asyncio.Lock()

    async def ends(self, topics: Collection[str]) -> dict[Position, int]:
        """The next offset to be written, of each partition of these topics. Raises BrokerUnavailable."""
        async with self._turn:
            partitions = await self._partitions_of(topics)
            asked = [TopicPartition(topic, number) for topic, numbers in partitions.items() for number in numbers]
            return await self._ask("end_offsets", asked)

    async def starts(self, positions: Collection[Position]) -> dict[Position, int]:
        """The first offset that is kept, of each of these partitions. Raises BrokerUnavailable."""
        async with self._turn:
            return await self._ask("beginning_offsets", [TopicPartition(p.topic, p.partition) for p in positions])

    async def first_records(
        self, starts: Mapping[Position, int], ends: Mapping[Position, int]
    ) -> dict[Position, tuple[int, bool]]:
        """From each of these offsets on the first that holds a record, and True; or up to where none does, and False.

        The markers of a transaction are none, nor what was aborted, nor what compaction has left out. It reads for a
        few seconds at the most, so there may be more without a record behind. Raises BrokerUnavailable.
        """
        looker: Any = AIOKafkaConsumer(
            **client_options(),
            bootstrap_servers=self._servers,
            client_id=self._client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=_LOOK_BYTES,
            fetch_max_bytes=8 * _LOOK_BYTES,
        )
        found, until = dict[Position, tuple[int, bool]](), time.monotonic() + CALL_TIMEOUT_S
        try:
            async with asyncio.timeout(2 * CALL_TIMEOUT_S):
                await connect(looker)
                looker.assign([TopicPartition(p.topic, p.partition) for p in starts])
                for p, start in starts.items():
                    looker.seek(TopicPartition(p.topic, p.partition), start)
                while left := starts.keys() - found.keys():
                    fetched, late = await looker.getmany(timeout_ms=200), time.monotonic() > until
                    for p in left:
                        tp = TopicPartition(p.topic, p.partition)
                        if records := fetched.get(tp):
                            found[p] = records[0].offset, True
                            looker.pause(tp)
                        elif (at := await looker.position(tp)) >= ends[p] or late:
                            found[p] = at, False
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"Kafka does not say what its logs hold: {error!r}") from error
        finally:
            await abandon_consumer(looker)
        return found

    async def close(self) -> None:
        """Drop the connection; the next question makes a new one. Never raises."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await abandon_consumer(inner)

    async def _partitions_of(self, topics: Collection[str]) -> dict[str, list[int]]:
        if not self._partitions.keys() >= set(topics) or time.monotonic() > self._known_until:
            self._partitions = await partitions_by_topic(self._servers, topics, CALL_TIMEOUT_S)
            self._known_until = time.monotonic() + PARTITIONS_FOR_S
        return {topic: self._partitions[topic] for topic in topics if topic in self._partitions}

    async def _ask(self, what: str, partitions: list[Any]) -> dict[Position, int]:
        if not partitions:
            return {}
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                answer = await getattr(await self._open(), what)(partitions)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise BrokerUnavailable(f"Kafka does not say where its logs begin and end: {error!r}") from error
        except BaseException:
            await self.close()  # an answer may be half read
            raise
        return {Position(tp.topic, tp.partition): int(offset) for tp, offset in answer.items()}

    async def _open(self) -> Any:
        if self._inner is None:
            inner: Any = AIOKafkaConsumer(
                **client_options(),
                bootstrap_servers=self._servers,
                client_id=self._client,
                isolation_level="read_committed",
            )
            try:
                await connect(inner)
            except BaseException:
                await abandon_consumer(inner)
                raise
            self._inner = inner
        return self._inner
