"""The copy of one topic that grows as the topic does, in files of lines; and how it is read back.

Records lie in batches, as they were flushed: a line that says where the copy stood before it, as an object of offsets
by partition; a line for each record (`records.line_of`); a line with the checksum of those before it. `places.json`
says where the copy stands. A batch without its end is none, and what is gone is missed by the next batch. A copy of
which the topic turned out to be another one by now has `failed.json`, and goes on no more, whatever the topic does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, NoReturn

import orjson

from common.bus.broker import BrokerUnavailable, Position, Reader, Record
from regulars.backups.archive import FAILED, INTAKE, KEEP_EVERYTHING, failure, has_one_copy, write_json
from regulars.backups.records import line_of, record_in
from regulars.backups.segments import readable
from regulars.stack.errors import StackError

_PLACES = "places.json"
_FULL, _FULL_BYTES, _PAUSE_S, _READ_S = 500, 64 * 1024 * 1024, 0.2, 0.5
_SHORT_S = 10.0
"""Files of intake topics are closed so soon: each goes when all of it was read."""
ELSEWHERE = (
    "put the whole folder of the topic back from another copy of the archive that is not older, or restore another "
    "backup"
)


class CopyFailed(StackError):
    """The copy in the folder cannot go on, however often it is tried."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(why)
        self.folder = folder


class TopicCopy:
    """Records of a topic from its first on, each on the disk before it counts as copied.

    Ended in whatever way, it goes on where it stood; what it has written twice is read once.
    """

    def __init__(
        self, servers: Callable[[], str], topic: str, folder: Path, since: Mapping[Position, int] | None = None
    ) -> None:
        """`servers`: Kafka's address, asked anew when a connection was lost. `since`: where a copy begins that holds
        nothing yet, instead of the first record. Raises CopyFailed where it had failed before, and StackError where
        the folder is damaged."""
        self.topic, self.folder = topic, folder
        if (why := failure(folder)) is not None:
            raise CopyFailed(folder, why)
        self._failed: CopyFailed | None = None
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        begun = (folder / _PLACES).exists() or bool(_files(folder))
        self.next = {**(since or {}), **(places(topic, folder) if begun else {})}
        _write_places(folder, self.next)
        self._passed: dict[Position, int] = {}
        """Where the reader stands: behind offsets that hold no record, of which `next` knows nothing."""
        self._wanted: set[Position] = set()
        self._writing = asyncio.Lock()
        self._servers = servers
        self._number = max((int(file.name[:8]) for file in _files(folder)), default=0)
        self._output: tuple[IO[bytes], gzip.GzipFile, float] | None = None
        self._last: dict[Path, dict[Position, int]] = {}
        """Of an intake topic, by file: the offset after its last record, by partition."""
        if topic.startswith(INTAKE):
            for file in _files(folder):
                self._last[file] = {}
                for _, records in _batches(topic, file):
                    self._last[file] |= {Position(topic, record.partition): record.offset + 1 for record in records}
                if not self._last[file]:
                    # Killed amid its first batch, it holds what a shop wrote, and none that counts.
                    file.unlink()
                    del self._last[file]

    async def run(self) -> None:
        """Until it is cancelled; servers that are away are waited for. Raises CopyFailed and OSError."""
        try:
            while True:
                servers = None
                with contextlib.suppress(StackError):
                    servers = self._servers()
                if servers is not None:
                    with contextlib.suppress(BrokerUnavailable):
                        await self._follow(servers)
                await asyncio.sleep(1)
        finally:
            self._close()

    async def _follow(self, servers: str) -> None:
        """Raises BrokerUnavailable, CopyFailed and OSError."""
        reader = Reader(servers, self.topic, client="regulars-backup", since=self.next)
        try:
            while True:
                records = await reader.read(_READ_S)
                if not reader.partitions >= self._wanted:
                    await reader.close()  # it was opened before they were added
                if records:
                    async with self._writing:
                        writing = asyncio.ensure_future(asyncio.to_thread(self._write, records))
                        try:
                            await asyncio.shield(writing)
                        except asyncio.CancelledError:
                            await asyncio.wait([writing])  # the file is closed after it, not meanwhile
                            raise
                self._passed = reader.positions
                if len(records) < _FULL:
                    await asyncio.sleep(_PAUSE_S)
        finally:
            await reader.close()

    def has(self, ends: Mapping[Position, int]) -> bool:
        """Whether all records before these ends are copied, of its own topic. Partitions it does not know are read
        from then on. Raises CopyFailed where it has failed."""
        if self._failed is not None:
            raise self._failed
        self._wanted = {place for place in ends if place.topic == self.topic}
        return all(max(self.next.get(place, 0), self._passed.get(place, 0)) >= ends[place] for place in self._wanted)

    def check_ends(self, stood: Mapping[Position, int], ends: Mapping[Position, int]) -> None:
        """`stood`: `next` of before the ends were asked for. A log that ends before it is not the one that was copied,
        and may have grown past it the next time: no end goes back by itself, since a leader that was just elected
        says none before it knows all that was acknowledged (KIP-207). Raises CopyFailed and OSError."""
        for place, next_ in stood.items():
            if ends.get(place, next_) < next_:
                self._fail(place, next_, f"ends at {ends[place]}")

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
        """Raises CopyFailed where the topic is not the one that was copied so far, or has lost some of it."""
        if self._failed is not None:
            raise self._failed
        next_, own = dict(self.next), dict[Position, int]()
        for record in records:
            place = Position(self.topic, record.partition)
            stood = next_.get(place, 0)
            # We publish outside of transactions, so a log that keeps everything has no holes of its own.
            hole = record.offset > stood > 0 and self.topic in KEEP_EVERYTHING
            if record.offset < stood or hole:
                self._fail(
                    place, stood, f"{'goes on' if hole else 'begins'} at {record.offset}{'' if hole else ' again'}"
                )
            next_[place] = own[place] = record.offset + 1
        raw, packed, since = self._output or self._open()
        if (last := self._last.get(Path(raw.name))) is not None:
            last |= own
        batch = [_line_of_places(self.next), *map(line_of, records)]
        packed.writelines([*batch, _checksum(batch)])
        packed.flush(zlib.Z_SYNC_FLUSH)
        os.fsync(raw.fileno())
        _write_places(self.folder, next_)
        self.next = next_  # now it counts, and not before
        short = self.topic.startswith(INTAKE) and time.time() - since > _SHORT_S
        if short or raw.tell() > _FULL_BYTES:
            self._close()

    def _fail(self, place: Position, stood: int, found: str) -> NoReturn:
        """For good: noted beside the files, so that nobody takes the copy up again. Raises CopyFailed and OSError."""
        todo = "the next base backup begins another copy"
        if has_one_copy(self.topic):
            todo = "begin a new archive, and keep this one"
        self._failed = CopyFailed(
            self.folder,
            f"{place} was copied up to {stood}, and Kafka {found}: it has lost records, or the topic was made anew;"
            f" {todo}",
        )
        write_json(self.folder / FAILED, {"why": str(self._failed)})
        raise self._failed

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
            (raw, packed, _), self._output = self._output, None
            try:
                packed.close()
            finally:
                raw.close()


def places(topic: str, folder: Path) -> dict[Position, int]:
    """The offset after the last record that is surely in the copy, by partition. Raises StackError."""
    file = folder / _PLACES
    try:
        return _places_in(topic, file.read_bytes())
    except (OSError, ValueError) as error:
        raise StackError(f"{file} cannot be read ({error}): the copy of {topic} is damaged; {ELSEWHERE}") from None


def _write_places(folder: Path, next_: Mapping[Position, int]) -> None:
    write_json(folder / _PLACES, {str(place.partition): end for place, end in next_.items()})


def _places_in(topic: str, line: bytes) -> dict[Position, int]:
    return {Position(topic, int(partition)): end for partition, end in orjson.loads(line).items()}


def read_copy(topic: str, folder: Path) -> Iterator[Record]:
    """Its records, each once, in order within a partition. Raises StackError where some are missing.

    Not of an intake topic, of which what was read is removed.
    """
    found: dict[Position, int] = {}
    last = "its beginning"
    for file in _files(folder):
        for stood, records in _batches(topic, file):
            _check(topic, folder, found, stood, f"between {last} and {file.name}")
            last = file.name
            for record in records:
                place = Position(topic, record.partition)
                if record.offset >= found.get(place, 0):
                    found[place] = record.offset + 1
                    yield record
    if not topic.startswith(INTAKE):
        _check(topic, folder, found, places(topic, folder), f"behind {last}")


def _check(topic: str, folder: Path, found: Mapping[Position, int], stood: Mapping[Position, int], where: str) -> None:
    gaps = [(place, found.get(place, 0), end) for place, end in stood.items() if found.get(place, 0) < end]
    if gaps and not topic.startswith(INTAKE):
        ranges = ", ".join(f"{place} from {next_} to {end - 1}" for place, next_, end in gaps)
        raise StackError(f"{folder} is damaged {where}: records are missing ({ranges}); {ELSEWHERE}")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl.gz"))


def _batches(topic: str, file: Path) -> Iterator[tuple[dict[Position, int], list[Record]]]:
    """Up to what is torn or damaged: where the copy stood before each, and its records."""
    batch: list[bytes] = []
    for line in _lines(file):
        if not line[:1].isdigit():
            batch.append(line)
        elif batch and line == _checksum(batch):
            yield _places_in(topic, batch[0]), [record_in(topic, each) for each in batch[1:]]
            batch = []
        else:
            return


def _line_of_places(next_: Mapping[Position, int]) -> bytes:
    return orjson.dumps({str(place.partition): end for place, end in next_.items()}) + b"\n"


def _checksum(lines: list[bytes]) -> bytes:
    return b"%d\n" % zlib.crc32(b"".join(lines))


def _lines(file: Path) -> Iterator[bytes]:
    rest = b""
    for piece in readable(file):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
