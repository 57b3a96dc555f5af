"""The files of PostgreSQL's log in an archive: packed, whole or half written."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from regulars.stack.errors import StackError

SEGMENT_BYTES = 16 * 1024 * 1024
_PARTIAL, _ASIDE = ".partial", ".aside"
_PIECE, _SMALL = 1 << 20, 4096


def set_aside(wal: Path) -> None:
    """Put away what pg_receivewal was writing, before it is begun anew.

    It writes that segment again from its start, into the same file without emptying it: behind the new stream would lie
    the former one's bytes. Put away and not removed: the server may be gone for ever. Of several the longest is kept.
    """
    drop_aside(wal)
    for partial in wal.glob(f"0*.gz{_PARTIAL}"):
        former = partial.with_suffix(_ASIDE)
        if former.exists() and _length(former) > _length(partial):
            partial.unlink()
        else:
            partial.replace(former)


def drop_aside(wal: Path) -> None:
    """Remove what was put away of segments that are whole by now."""
    for former in wal.glob(f"0*.gz{_ASIDE}"):
        if former.with_suffix("").exists():
            former.unlink()


def segments(wal: Path, first: str) -> dict[str, list[Path]]:
    """By name the segments of the log from this one on; of the last there may be halves only, each a beginning of it.

    Raises StackError.
    """
    found: dict[str, list[Path]] = {}
    for file in sorted(wal.glob("0*.gz*")):
        name = file.name.partition(".")[0]
        if name >= first and name[:8] == first[:8] and len(name) == len(first):
            found.setdefault(name, []).append(file)
    names = sorted(found)
    if not names or names[0] != first:
        raise StackError(f"{wal} lacks {first}, with which the base backup begins: it is damaged")
    for name, expected in zip(names, _following(first), strict=False):
        if name != expected:
            raise StackError(f"{wal} lacks {expected}: it is damaged")
    return {name: found[name] for name in names}


def unpack(files: Sequence[Path], target: Path) -> None:
    """A whole segment, or what there is of it, filled up with zeros, at which PostgreSQL knows the end.

    Raises StackError.
    """
    whole = [file for file in files if file.suffix == ".gz"]
    file = whole[0] if whole else max(files, key=_length)
    with target.open("wb") as output:
        try:
            if whole:
                with gzip.open(file, "rb") as packed:
                    shutil.copyfileobj(packed, output, _PIECE)
            else:
                output.writelines(readable(file))
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise StackError(f"{file} is damaged: {error}") from None
        if output.tell() > SEGMENT_BYTES:
            raise StackError(f"{file} is larger than a segment of 16 MB: other sizes are not known here")
        output.truncate(SEGMENT_BYTES)


def readable(file: Path) -> Iterator[bytes]:
    """What can be unpacked of a file whose end may be missing, or be zeros or older bytes.

    Some of what follows the end may be among it: whoever reads it has checksums of its own, as PostgreSQL has.
    """
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    with file.open("rb") as packed:
        while piece := packed.read(_SMALL):
            before = unpacker.copy()
            try:
                yield unpacker.decompress(piece)
            except zlib.error:  # byte by byte up to it
                for each in piece:
                    try:
                        yield before.decompress(bytes([each]))
                    except zlib.error:
                        return


def _length(file: Path) -> int:
    return sum(map(len, readable(file)))


def _following(segment: str) -> Iterator[str]:
    timeline, number = segment[:8], int(segment[8:16], 16) << 8 | int(segment[16:], 16)
    while True:
        yield f"{timeline}{number >> 8:08X}{number & 0xFF:08X}"
        number += 1
