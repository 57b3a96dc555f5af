"""What is expected of the rows, after the log: by name, in a file on disk, so that memory stays bounded.

Of each name the expectation of the highest rank is kept, as a hash; of two of one rank, either may be met.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from common.events import CustomerKey

SIZE = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 500


def digest(*parts: Any) -> bytes:
    """A short hash of what JSON can hold: one difference in 10^19 pairs goes unseen."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=SIZE).digest()


NOTHING = digest(None)
"""Kept of a name of which nothing need be expected: nothing was ever announced, or at last that there is none."""


def rank(*parts: int | str | datetime) -> bytes:
    """Bytes that sort as the parts do, one after the other: numbers, instants, texts by code point."""
    return b"".join(_sortable(part) for part in parts)


def _sortable(part: int | str | datetime) -> bytes:
    if isinstance(part, str):
        return part.encode() + b"\x00"
    number = part if isinstance(part, int) else (part - _EPOCH) // timedelta(microseconds=1)
    return (number + 2**63).to_bytes(8, "big")


class Expectation(NamedTuple):
    """What a row must hold after an event.

    `name`: of the row, with its kind first; `digest`: of what it holds; `rank`: greater bytes replace smaller ones.
    `was`, where an event says from what it changed: a digest of what the row held after the event of the rank before.
    """

    name: tuple[str, ...]
    digest: bytes
    rank: bytes = b""
    was: bytes | None = None


Expected = Callable[[dict[str, Any]], Iterable[Expectation]]
"""The expectations of one event."""


class Expectations:
    """Expectations by name, and which of them a table was found to meet. A context manager: the file goes at its end.

    Names of more than one kind live side by side; the kind is the name's first part. Of `personal` kinds, shop and
    customer follow, and it is remembered whose they are.
    """

    def __init__(self, personal: Collection[str] = ()) -> None:
        self._personal = frozenset(personal)
        self._folder = tempfile.TemporaryDirectory(prefix="regulars-verify-")
        self._file = sqlite3.connect(Path(self._folder.name) / "expected.sqlite", isolation_level=None)
        self._file.execute("pragma journal_mode = off")
        self._file.execute("pragma synchronous = off")
        self._file.execute(
            "create table expected (key blob primary key, kind text, rank blob, digest blob, place text,"
            " binding integer, seen integer, owner blob) without rowid"
        )
        self._file.execute(
            "create table steps (key blob, rank blob, was blob, digest blob, place text,"
            " primary key (key, rank, was, digest)) without rowid"
        )
        self.binding = True
        """False once the tables are being read: what is expected from then on may not have been there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._folder.cleanup()

    def add(self, expectations: Iterable[tuple[Expectation, str]], *, binding: bool = True) -> None:
        """Remember these; the text is the place in the log. Of what is `binding` a row must be found."""
        all_of_them = list(expectations)
        rows = [
            (
                digest(*expectation.name),
                expectation.name[0],
                expectation.rank,
                expectation.digest,
                place,
                binding and self.binding,
                digest(*expectation.name[1:3]) if expectation.name[0] in self._personal else None,
            )
            for expectation, place in all_of_them
        ]
        self._file.execute("begin")
        self._file.executemany(
            "insert into expected values (?, ?, ?, ?, ?, ?, 0, ?) on conflict (key) do update set"
            " digest = case when excluded.rank > rank then excluded.digest"
            " else cast(digest || excluded.digest as blob) end,"
            " rank = excluded.rank, place = excluded.place, binding = max(binding, excluded.binding)"
            " where excluded.rank > rank or (excluded.rank = rank and instr(digest, excluded.digest) = 0)",
            rows,
        )
        # What is delivered twice is one step.
        self._file.executemany(
            "insert or ignore into steps values (?, ?, ?, ?, ?)",
            [(digest(*e.name), e.rank, e.was, e.digest, place) for e, place in all_of_them if e.was is not None],
        )
        self._file.execute("commit")

    def look(self, kept: Sequence[tuple[tuple[str, ...], bytes | None]]) -> list[int]:
        """Mark these names as kept; the numbers of those of which something else is expected, or nothing.

        A `None` for what is kept compares the name alone.
        """
        wrong: list[int] = []
        for start in range(0, len(kept), _AT_ONCE):
            part = kept[start : start + _AT_ONCE]
            keys = [digest(*name) for name, _ in part]
            marks = ",".join("?" * len(keys))
            expected = dict(self._file.execute(f"select key, digest from expected where key in ({marks})", keys))
            self._file.execute(f"update expected set seen = 1 where key in ({marks})", keys)
            for number, (key, (_, mine)) in enumerate(zip(keys, part, strict=True), start):
                theirs = expected.get(key)
                if theirs is None:
                    if mine != NOTHING:
                        wrong.append(number)
                elif mine is not None and not _contains(theirs, mine):
                    wrong.append(number)
        return wrong

    def broken(self) -> Iterable[str]:
        """Places of changes that do not go on from what the one before led to; the first goes on from nothing."""
        # By primary key, so that nothing is sorted in memory.
        steps = """
            select place from steps s where not exists (
                select 1 from steps p where p.key = s.key and p.digest = s.was
                and p.rank = (select max(q.rank) from steps q where q.key = s.key and q.rank < s.rank)
            ) and (s.was <> ? or exists (select 1 from steps q where q.key = s.key and q.rank < s.rank))
        """
        for (place,) in self._file.execute(steps, (NOTHING,)):
            yield place

    def unseen(self, kind: str, erased: Iterable[CustomerKey] = ()) -> Iterable[str]:
        """Places in the log of the binding expectations of this kind that no table was found to meet.

        Of a personal kind not those of the erased.
        """
        gone = {digest(*key) for key in erased}
        unseen = "select place, owner from expected where kind = ? and seen = 0 and binding"
        for place, owner in self._file.execute(unseen, (kind,)):
            if owner not in gone:
                yield place


def _contains(digests: bytes, one: bytes) -> bool:
    return any(digests[start : start + SIZE] == one for start in range(0, len(digests), SIZE))
