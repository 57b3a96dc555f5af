"""Topics read from their first record on, a batch at a time, together with what the outbox has not published yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from common.bus.broker import BrokerUnavailable, Position, Reader, Record
from common.bus.dead import MENDED
from common.events import InvalidEvent, decode
from common.events.topics import own_topic
from common.verification.run import Verification

PAGE = 500
PATIENCE_S = 60.0
_AGAIN_S = 0.5


class Fact(NamedTuple):
    """One event as it stands in the log; `body` is the envelope, `written_ms` when Kafka was given it.

    In the outbox the offset is its `seq`.
    """

    body: dict[str, Any]
    topic: str
    partition: int
    offset: int
    written_ms: int = 0

    @property
    def position(self) -> Position:
        return Position(self.topic, self.partition)

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


class Log:
    """The facts of some topics. `read` goes on from where it stood, so a second call brings what came meanwhile.

    Repetitions are brought as they are, and so is what stands in the outbox only: of what a service has committed,
    nothing is missing. A lost broker is waited for, a minute at a time.
    """

    def __init__(self, run: Verification, topics: Sequence[str]) -> None:
        self._run, self.topics = run, topics
        self._readers = [run.reader(topic) for topic in topics]

    async def read(self) -> AsyncIterator[list[Fact]]:
        """All that the outbox alone has, then the log to its end as it is now."""
        async for facts in self._unpublished():
            yield facts
        async for topic, records in self.records():
            if facts := [fact for record in records if (fact := self.fact(topic, record)) is not None]:
                yield facts

    async def records(self, until: Mapping[Position, int] | None = None) -> AsyncIterator[tuple[str, list[Record]]]:
        """Topics with their records, not decoded, to the log's end as it is now; with `until` those before it alone."""
        for topic, reader in zip(self.topics, self._readers, strict=True):
            read = 0
            await reader.close()  # a reader that is opened anew looks anew where the log ends
            async for records in _to_the_end(reader):
                read += len(records)
                self._run.progress(f"{read:,} records of {topic} read")
                yield (
                    topic,
                    [r for r in records if until is None or r.offset < until.get(Position(topic, r.partition), 0)],
                )

    def fact(self, topic: str, record: Record) -> Fact | None:
        """None for a record that no reader can read, which is dead to all, or that was mended for another service.

        What was mended counts on the topic that is this service's own. The data bear every default, as the reader of an
        event that somebody else wrote sees it.
        """
        if record.value is None or not self.is_ours(topic, record):
            return None
        try:
            event = decode(record.value)
        except InvalidEvent:
            return None
        body = orjson.loads(record.value)
        body["data"] = {**event.as_dict()["data"], **body["data"]}
        return Fact(body, topic, record.partition, record.offset, record.timestamp_ms)

    def is_ours(self, topic: str, record: Record) -> bool:
        """Whether it is no event that was mended for another service."""
        return record.headers.get("type") != MENDED.encode() or topic == own_topic(self._run.service)

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()

    async def _unpublished(self) -> AsyncIterator[list[Fact]]:
        after = 0
        while True:
            async with self._run.database.transaction() as tx:
                # By the index of what waits; a relay that marks them meanwhile leaves them to the log.
                rows = await tx.fetch(
                    """
                    select seq, payload from outbox
                    where published_at is null and refused is null and seq > :after
                      and aggregatetype = any(cast(:topics as text[]))
                    order by seq limit :limit
                    """,
                    after=after,
                    topics=list(self.topics),
                    limit=PAGE,
                )
            if not rows:
                return
            after = rows[-1].seq
            yield [Fact(orjson.loads(row.payload), "outbox", 0, row.seq) for row in rows]


async def _to_the_end(reader: Reader) -> AsyncIterator[list[Record]]:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        try:
            if await reader.at_end():
                return
            records = await reader.read()
        except BrokerUnavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_AGAIN_S)
            continue
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        yield records
