"""A topic as a file, up to a cut, and back into another cluster; offsets are translated, since logs may have holes."""

from __future__ import annotations

import base64
import gzip
import zlib
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import orjson

from common.bus.broker import Outgoing, Position, Producer, Reader, Record
from regulars.stack.errors import StackError

_TOGETHER, _SEND_S = 500, 60.0
_DAMAGED = (OSError, EOFError, zlib.error, ValueError, TypeError, AttributeError)
"""Of a file, and of lines of it that are read before its checksum is."""


async def write_topic(
    servers: str, topic: str, ends: Mapping[Position, int], file: Path, starts: Mapping[Position, int] | None = None
) -> int:
    """Write the topic's records before these ends, from these starts on, a line of JSON each; gives their number."""
    reader, number = Reader(servers, topic, client="regulars-backup"), 0
    try:
        with gzip.open(file, "wb", compresslevel=3) as output:
            while not await reader.at_end():
                for record in await reader.read(0.5):
                    place = Position(topic, record.partition)
                    if (starts or {}).get(place, 0) <= record.offset < ends.get(place, 0):
                        output.write(line_of(record))
                        number += 1
    finally:
        await reader.close()
    return number


def line_of(record: Record) -> bytes:
    """The record in a line of JSON: partition, offset, key, value and headers in Base64, milliseconds since 1970."""
    headers = {name: base64.b64encode(value).decode() for name, value in record.headers.items()}
    key, value = _text(record.key), _text(record.value)
    return orjson.dumps([record.partition, record.offset, key, value, headers, record.timestamp_ms]) + b"\n"


def record_in(topic: str, line: bytes) -> Record:
    """The record of `line_of`. Raises ValueError where the line is none."""
    partition, offset, key, value, headers, *at = orjson.loads(line)
    plain = {name: base64.b64decode(text) for name, text in headers.items()}
    return Record(topic, partition, offset, _bytes(key), _bytes(value), plain, at[0] if at else 0)


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


async def records_of(topic: str, file: Path) -> AsyncIterator[Record]:
    """What `write_topic` wrote. Raises StackError where the file is damaged."""
    try:
        with gzip.open(file, "rb") as lines:
            for line in lines:
                yield record_in(topic, line)
    except _DAMAGED as error:
        raise StackError(f"{file} is damaged: {error}") from None


async def send_records(producer: Producer, records: AsyncIterator[Record]) -> dict[int, list[int]]:
    """Publish a topic's records, each to its partition; gives the former offsets, by partition, in their order."""
    waiting: list[Outgoing] = []
    former: dict[int, list[int]] = {}
    async for record in records:
        former.setdefault(record.partition, []).append(record.offset)
        waiting.append(Outgoing(record.topic, record.key, record.value, record.headers, record.partition))
        if len(waiting) == _TOGETHER:
            await _send(producer, waiting)
            waiting.clear()
    await _send(producer, waiting)
    return former


async def _send(producer: Producer, messages: Sequence[Outgoing]) -> None:
    # What was not counted may be in the log: sent again, every later offset would be wrong.
    if await producer.send(messages, _SEND_S) != len(messages):
        raise StackError(
            f"Kafka did not take all records ({producer.failed}): empty the new cluster and the databases, and restore "
            "again"
        )


def translated(offset: int, former: Sequence[int]) -> int:
    """Where reading goes on that stood at `offset`, in a log made of the records with these former offsets."""
    return bisect_left(former, offset)
