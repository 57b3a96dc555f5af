"""Lines and CSV records of a file, in bounded memory; what is broken ends with its line, and the next one is read."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from common.refusals import Invalid
from orders_ingest.imports import parquet

ENCODINGS = ("utf-8", "gbk", "latin-1", "utf-16")
LONGEST_LINE = 65_536
"""Bytes. A longer line is a bad row, of which this much is kept."""
LONGEST_RECORD = 20
"""Lines that one record may span by its quotes."""
LARGEST_FILE = 64 * 1024**3
"""Bytes, unpacked."""


class UnreadableFile(Invalid):
    """The file is not of this layout as a whole."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line of more than LONGEST_LINE bytes: its beginning, and how many bytes it has."""

    text: str
    size: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A line of a CSV file that is no record, as it was, and why."""

    text: str
    detail: str


class Place:
    """How far a file was read, in bytes as it lies there; not known of Parquet before its end."""

    def __init__(self) -> None:
        self.file: BinaryIO | None = None

    def read(self) -> int:
        return self.file.tell() if self.file is not None and not self.file.closed else 0


def lines_of(path: Path, encoding: str = "utf-8", place: Place | None = None) -> Iterator[str | TooLong]:
    """The lines of a file, gzip or plain, without their ends; the rows of a Parquet file, as JSON.

    Raises UnreadableFile.
    """
    with path.open("rb") as plain:
        if place is not None:
            place.file = plain
        begins = plain.read(len(parquet.MARK))
        if begins == parquet.MARK:
            yield from _of_parquet(path)
            return
        packed = begins[:2] == b"\x1f\x8b"
        plain.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=plain) if packed else plain)
        try:
            if encoding == "utf-16":
                stream, encoding = cast(BinaryIO, io.BufferedReader(_AsUtf8(stream), LONGEST_LINE)), "utf-8"
            yield from _decoded(_byte_lines(stream), encoding)
        except UnicodeDecodeError:
            raise UnreadableFile("wrong_encoding", "the file is not utf-16: it breaks off, or has no mark") from None
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile("broken_gzip", f"the gzip file is cut off or broken: {error}") from None


class _AsUtf8(io.RawIOBase):
    """A stream of UTF-16, read as UTF-8 piece by piece: its line ends are two bytes, of which each may be another's."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder("utf-16")()
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            piece = self._stream.read(LONGEST_LINE)
            self._ready = self._decoder.decode(piece, final=not piece).encode("utf-8", "surrogatepass")
            if not piece:
                break
        given = self._ready[: len(buffer)]
        self._ready = self._ready[len(given) :]
        buffer[: len(given)] = given
        return len(given)


def _byte_lines(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Each line without its end, at most LONGEST_LINE bytes of it, and its size."""
    read = 0
    while line := stream.readline(LONGEST_LINE + 1):
        size = len(line)
        end = line
        while size > LONGEST_LINE and not end.endswith(b"\n"):
            end = stream.readline(LONGEST_LINE)
            if not end:
                break
            size += len(end)
            _check_size(read + size)
        read += size
        _check_size(read)
        yield (line.rstrip(b"\r\n") if size == len(line) else line[:LONGEST_LINE]), size


def _check_size(read: int) -> None:
    if read > LARGEST_FILE:
        raise UnreadableFile(
            "file_too_large", f"unpacked the file has more than {LARGEST_FILE // 1024**3} GB: send it in parts"
        )


def _of_parquet(path: Path) -> Iterator[str | TooLong]:
    read = 0
    try:
        for line in parquet.json_lines(path):
            size = len(line)
            read += size
            _check_size(read)
            yield line if size <= LONGEST_LINE else TooLong(line[:LONGEST_LINE], size)
    except (parquet.BrokenParquet, parquet.UnknownValue) as error:
        raise UnreadableFile(error.slug, error.detail) from None


def _decoded(lines: Iterable[tuple[bytes, int]], encoding: str) -> Iterator[str | TooLong]:
    for number, (line, size) in enumerate(lines, 1):
        too_long = len(line) >= LONGEST_LINE and size > LONGEST_LINE
        try:
            text = line.decode(encoding, "replace" if too_long else "strict")
        except UnicodeDecodeError:
            hint = ", ".join(e for e in ENCODINGS if e != encoding)
            raise UnreadableFile(
                "wrong_encoding", f"line {number} of the file is not {encoding}: try encoding={hint}"
            ) from None
        if number == 1:
            text = text.removeprefix("\ufeff")
        yield TooLong(text, size) if too_long else text


def records_of(
    lines: Iterable[str | TooLong], width: int, separator: str = ","
) -> Iterator[tuple[int, list[str] | TooLong | Broken]]:
    """The records of a CSV file of `width` columns (RFC 4180), each with the number of its first line, from 1; empty
    lines are passed over.

    A quote that is not closed within LONGEST_RECORD lines, or whose closing makes no record of that width, breaks its
    own line alone: reading goes on with the line after it.
    """
    source = iter(lines)
    ahead: list[str | TooLong] = []
    number = 0
    while True:
        line = ahead.pop(0) if ahead else next(source, None)
        if line is None:
            return
        number += 1
        if isinstance(line, TooLong):
            yield number, line
            continue
        if not line.strip():
            continue
        cells = cells_of(line, separator)
        if cells is not None:
            yield number, cells
            continue
        ahead += islice(source, max(0, LONGEST_RECORD - 1 - len(ahead)))
        spanned = _spanning(line, ahead, width, separator)
        if spanned is None:
            yield number, Broken(line, "a quote is opened and not closed, or not doubled within a quoted cell")
            continue
        cells, used = spanned
        del ahead[:used]
        yield number, cells
        number += used


def cells_of(line: str, separator: str) -> list[str] | None:
    """The cells of a record that is one line; None where its quotes make it none."""
    return line.split(separator) if '"' not in line else _cells([line], separator)


def as_text(cells: Sequence[str], separator: str) -> str:
    """A record as it may stand in a file: cells that need it are quoted."""
    if not any('"' in cell or separator in cell or "\n" in cell for cell in cells):
        return separator.join(cells)
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="").writerow(cells)
    return out.getvalue()


def _spanning(first: str, ahead: list[str | TooLong], width: int, separator: str) -> tuple[list[str], int] | None:
    """The record that begins with a line whose quote is open, and how many of the next lines it takes."""
    record = [first]
    for used, line in enumerate(ahead, 1):
        if isinstance(line, TooLong):
            return None
        record.append(line)
        cells = _cells(record, separator) if '"' in line else None
        if cells is not None:
            return (cells, used) if len(cells) == width else None
    return None


def _cells(lines: list[str], separator: str) -> list[str] | None:
    """The cells of one record; None where it is no CSV or more than one."""
    try:
        found = list(
            csv.reader(chain((line + "\n" for line in lines[:-1]), lines[-1:]), strict=True, delimiter=separator)
        )
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None
