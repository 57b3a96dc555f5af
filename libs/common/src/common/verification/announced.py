"""What the log says, by name, in a file of its own on disk: memory stays bounded however long the log is.

Of each name what was said at the highest rank is kept, as a hash; of two things said at one rank, either counts.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

SIZE = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 500


def digest(*parts: Any) -> bytes:
    """A short hash of what JSON can hold: one difference in 10^19 pairs goes unseen."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=SIZE).digest()


NOTHING = digest(None)
"""Kept of a name that the log need not know: nothing was ever said of it, or the last word was that there is none."""


def rank(*parts: int | str | datetime) -> bytes:
    """Bytes that sort as the parts do, one after the other: numbers, instants, texts by code point."""
    return b"".join(_sortable(part) for part in parts)


def _sortable(part: int | str | datetime) -> bytes:
    if isinstance(part, str):
        return part.encode() + b"\x00"
    number = part if isinstance(part, int) else (part - _EPOCH) // timedelta(microseconds=1)
    return (number + 2**63).to_bytes(8, "big")


class Saying(NamedTuple):
    """`name`: what it is about, with its kind first; `said`: a digest; `rank`: greater bytes replace smaller ones."""

    name: tuple[str, ...]
    said: bytes
    rank: bytes = b""


class Announced:
    """Sayings by name, and which of them a table was found to hold. Use as a context manager: the file goes at its end.

    Names of more than one kind live side by side; the kind is the name's first part.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="regulars-verify-")
        self._file = sqlite3.connect(Path(self._folder.name) / "announced.sqlite", isolation_level=None)
        self._file.execute("pragma journal_mode = off")
        self._file.execute("pragma synchronous = off")
        self._file.execute(
            "create table announced (key blob primary key, kind text, rank blob, said blob, place text,"
            " binding integer, seen integer) without rowid"
        )
        self.binding = True
        """False once the tables are being read: what is announced from then on may not have been there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._folder.cleanup()

    def add(self, sayings: Iterable[tuple[Saying, str]], *, binding: bool = True) -> None:
        """Remember these; the text is the place in the log. Of what is `binding` a row must be found."""
        rows = [
            (digest(*saying.name), saying.name[0], saying.rank, saying.said, place, binding and self.binding)
            for saying, place in sayings
        ]
        self._file.execute("begin")
        self._file.executemany(
            "insert into announced values (?, ?, ?, ?, ?, ?, 0) on conflict (key) do update set"
            " said = case when excluded.rank > rank then excluded.said else cast(said || excluded.said as blob) end,"
            " rank = excluded.rank, place = excluded.place, binding = max(binding, excluded.binding)"
            " where excluded.rank > rank or (excluded.rank = rank and instr(said, excluded.said) = 0)",
            rows,
        )
        self._file.execute("commit")

    def look(self, kept: Sequence[tuple[tuple[str, ...], bytes | None]]) -> list[int]:
        """Mark these names as kept; the numbers of those of whom the log says something else, or nothing.

        A `None` for what is kept compares the name alone.
        """
        wrong: list[int] = []
        for start in range(0, len(kept), _AT_ONCE):
            part = kept[start : start + _AT_ONCE]
            keys = [digest(*name) for name, _ in part]
            marks = ",".join("?" * len(keys))
            said = dict(self._file.execute(f"select key, said from announced where key in ({marks})", keys))
            self._file.execute(f"update announced set seen = 1 where key in ({marks})", keys)
            for number, (key, (_, mine)) in enumerate(zip(keys, part, strict=True), start):
                theirs = said.get(key)
                if theirs is None:
                    if mine != NOTHING:
                        wrong.append(number)
                elif mine is not None and not _contains(theirs, mine):
                    wrong.append(number)
        return wrong

    def unseen(self, kind: str) -> Iterable[str]:
        """Places of what the log says of this kind, bindingly, and no table was found to hold."""
        unseen = "select place from announced where kind = ? and seen = 0 and binding"
        for (place,) in self._file.execute(unseen, (kind,)):
            yield place


def _contains(said: bytes, one: bytes) -> bool:
    return any(said[start : start + SIZE] == one for start in range(0, len(said), SIZE))
