"""The copy of one topic that grows as the topic does, in files of lines; and how it is read back."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from common.bus.broker import BrokerUnavailable, Position, Reader, Record
from regulars.backups.archive import INTAKE, write_json
from regulars.backups.records import line_of, record_in
from regulars.stack.errors import StackError

_PLACES = "places.json"
_FULL, _FULL_BYTES, _PAUSE_S, _READ_S = 500, 64 * 1024 * 1024, 0.2, 0.5
_SHORT_S = 10.0
"""Files of intake topics are closed so soon: each goes when all of it was read."""


class TopicCopy:
    """Records of a topic from its first on, each flushed to the disk before it counts as copied.

    Ended in whatever way, it goes on where it stood; what it has written twice is read once.
    """

    def __init__(
        self, servers: Callable[[], str], topic: str, folder: Path, since: Mapping[Position, int] | None = None
    ) -> None:
        """`servers`: Kafka's address, asked anew when a connection was lost. `since`: where a copy begins that holds
        nothing yet, instead of the first record."""
        self.topic, self.folder = topic, folder
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.next = {**(since or {}), **places(topic, folder)}
        self._writing = asyncio.Lock()
        self._servers = servers
        self._number = max((int(file.name[:8]) for file in _files(folder)), default=0)
        self._output: tuple[IO[bytes], gzip.GzipFile, float] | None = None
        self._last: dict[Path, dict[Position, int]] = {}
        """Of an intake topic, by file: the offset after its last record, by partition."""
        if topic.startswith(INTAKE):
            for file in _files(folder):
                self._last[file] = {}
                for record in _read(topic, file):
                    self._last[file][Position(topic, record.partition)] = record.offset + 1

    async def run(self) -> None:
        """Until it is cancelled; a Kafka that is away is waited for."""
        try:
            while True:
                with contextlib.suppress(BrokerUnavailable, StackError):
                    await self._follow(self._servers())
                await asyncio.sleep(1)
        finally:
            self._close()

    async def _follow(self, servers: str) -> None:
        """Raises BrokerUnavailable."""
        reader = Reader(servers, self.topic, client="regulars-backup", since=self.next)
        try:
            while True:
                records = await reader.read(_READ_S)
                if records:
                    async with self._writing:
                        writing = asyncio.ensure_future(asyncio.to_thread(self._write, records))
                        try:
                            await asyncio.shield(writing)
                        except asyncio.CancelledError:
                            await asyncio.wait([writing])  # the file is closed after it, not meanwhile
                            raise
                if len(records) < _FULL:
                    await asyncio.sleep(_PAUSE_S)
        finally:
            await reader.close()

    def has(self, ends: Mapping[Position, int]) -> bool:
        """Whether all records before these ends are copied, of its own partitions."""
        return all(self.next.get(place, 0) >= end for place, end in ends.items() if place.topic == self.topic)

    async def forget(self, read: Mapping[Position, int]) -> None:
        """Remove files of an intake topic of which everything lies before these offsets."""
        async with self._writing:
            for file, last in list(self._last.items()):
                if last and all(end <= read.get(place, 0) for place, end in last.items()):
                    if self._output is not None and Path(self._output[0].name) == file:
                        self._close()
                    file.unlink(missing_ok=True)
                    del self._last[file]

    def _write(self, records: list[Record]) -> None:
        raw, packed, since = self._output or self._open()
        for record in records:
            packed.write(line_of(record))
            self.next[Position(self.topic, record.partition)] = record.offset + 1
        packed.flush(zlib.Z_SYNC_FLUSH)
        os.fsync(raw.fileno())
        if (last := self._last.get(Path(raw.name))) is not None:
            last |= {Position(self.topic, record.partition): record.offset + 1 for record in records}
        write_json(self.folder / _PLACES, {str(place.partition): end for place, end in self.next.items()})
        short = self.topic.startswith(INTAKE) and records[-1].timestamp_ms / 1000 - since > _SHORT_S
        if short or raw.tell() > _FULL_BYTES:
            self._close()

    def _open(self) -> tuple[IO[bytes], gzip.GzipFile, float]:
        self._number += 1
        file = self.folder / f"{self._number:08}.jsonl.gz"
        raw = file.open("xb")
        self._output = raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3), file.stat().st_mtime
        if self.topic.startswith(INTAKE):
            self._last[file] = {}
        return self._output

    def _close(self) -> None:
        if self._output is not None:
            raw, packed, _ = self._output
            packed.close()
            raw.close()
            self._output = None


def places(topic: str, folder: Path) -> dict[Position, int]:
    """The offset after the last record that is surely in the copy, by partition."""
    try:
        raw = json.loads((folder / _PLACES).read_text())
    except FileNotFoundError:
        return {}
    return {Position(topic, int(partition)): end for partition, end in raw.items()}


def read_copy(topic: str, folder: Path) -> Iterator[Record]:
    """Its records, each once, in order within a partition. Raises StackError where some are missing."""
    found: dict[Position, int] = {}
    for file in _files(folder):
        for record in _read(topic, file):
            place = Position(topic, record.partition)
            if record.offset >= found.get(place, 0):
                found[place] = record.offset + 1
                yield record
    short = [str(place) for place, end in places(topic, folder).items() if found.get(place, 0) < end]
    if short and not topic.startswith(INTAKE):  # of an intake topic what was read is removed
        raise StackError(f"{folder} is damaged: records of {', '.join(short)} are missing at the end")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl.gz"))


def _read(topic: str, file: Path) -> Iterator[Record]:
    """Up to where it was written: its end is missing where the process was killed."""
    with gzip.open(file, "rb") as lines, contextlib.suppress(EOFError):
        for line in lines:
            if line.endswith(b"\n"):
                yield record_in(topic, line)
