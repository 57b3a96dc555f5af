"""What do the files of history look like, and which layouts are known?"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast
from zoneinfo import ZoneInfo

Layout = Literal["cdnow_sample", "cdnow_master", "online_retail"]
ENCODINGS = ("utf-8", "gbk", "latin-1")


class UnreadableFile(Exception):
    """The file is not of this layout as a whole; `slug` is stable, the message says what to do."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class History:
    """What the operator says about a file: where its orders come from, and what its figures and times mean."""

    shop: str
    name: str  # of the source: /shops/<shop>/import/<name>; the same name and line is the same event for ever
    currency: str
    zone: ZoneInfo

    @property
    def source(self) -> str:
        return f"/shops/{self.shop}/import/{self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the file: the number of its line (1 is the first after the header), and the event as JSON."""

    line: int
    at: datetime
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that says nothing we can take: kept as it was, with the reason (ORD-039)."""

    line: int
    slug: str
    detail: str
    text: str


@dataclass(slots=True)
class Findings:
    """What was counted while reading; `examples` holds the first ten of each kind that is shown."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def show(self, kind: str, example: dict[str, Any]) -> None:
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < 10:
            shown.append(example)


Reader = Callable[[Iterable[str], History, Findings], Iterator[Row | BadRow]]


def lines_of(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a file, gzip or plain, without their ends. Raises UnreadableFile."""
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=plain) if packed else plain)
        try:
            for line in io.TextIOWrapper(stream, encoding=encoding, newline=None):
                yield line.removeprefix("\ufeff").rstrip("\n")
        except UnicodeDecodeError:
            hint = ", ".join(e for e in ENCODINGS if e != encoding)
            raise UnreadableFile("wrong_encoding", f"the file is not {encoding}: try encoding={hint}") from None
        except (OSError, EOFError) as error:
            raise UnreadableFile("broken_gzip", f"the gzip file is cut off or broken: {error}") from None


def order_event(
    history: History, line: int, at: datetime, customer: str | None, data: dict[str, Any], type_: str
) -> dict[str, Any]:
    """An event's JSON, named by the file and the line; without a customer it is keyed by its order."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"line-{line}",
        "source": history.source,
        "shop": history.shop,
        "type": type_,
        "time": at.isoformat(),
        "data": data,
    }
    if customer is not None:
        event["subject"] = customer
    return event


def has_columns(header: Sequence[str], wanted: Sequence[str], layout: str) -> None:
    """Raises UnreadableFile when the header is another layout's."""
    if [h.strip() for h in header] != list(wanted):
        raise UnreadableFile(
            "wrong_layout", f"the header of a {layout} file is {','.join(wanted)!r}, not {','.join(header)[:200]!r}"
        )
