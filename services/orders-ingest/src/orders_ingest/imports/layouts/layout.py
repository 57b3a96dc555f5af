"""A layout of a file of history: what it reads, and the rows, bad rows and findings that every layout gives."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from orders_ingest.imports.lines import LONGEST_LINE, TooLong, UnreadableFile


@dataclass(frozen=True, slots=True)
class History:
    """What the operator says about a file: where its orders come from, and what its amounts and times mean."""

    shop: str
    name: str  # of the source: /shops/<shop>/import/<name>; the same name and line is the same event for ever
    currency: str
    zone: ZoneInfo
    columns: Mapping[str, str] = field(default_factory=dict)  # field to heading, as the shop has corrected it
    decimals: Literal["point", "comma"] = "point"
    until: datetime | None = None  # a row of a later time is refused: nothing would ever take it
    hashing: bytes = b""  # key of identifiers that are made of an e-mail
    records: Mapping[int, int] | None = None  # of a mended file: which record began on each of its lines

    def record(self, number: int, line: int) -> int:
        """By which the n-th record, that begins on this line, is named: in a mended file as when it was refused."""
        return number if self.records is None else self.records.get(line, 0)

    @property
    def source(self) -> str:
        return f"/shops/{self.shop}/import/{self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the file: the number of its line as an editor shows it, and the event as JSON.

    `original` is what the file says, in a form that later versions of this code keep: a repeat is recognised by it.
    """

    line: int
    at: datetime
    event: dict[str, Any]
    original: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that says nothing we can take: kept as it was, with the reason (ORD-039).

    `record` names it; 0 where `text` is an event that was made of it. `of_record` names the first row of its order,
    which is taken whole; 0: it stands alone.
    """

    line: int
    slug: str
    detail: str
    text: str
    record: int = 0
    of_record: int = 0


@dataclass(slots=True)
class Findings:
    """What was counted while reading; `examples` holds the first ten of each kind that is shown."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    """Of a layout whose columns are found: field to heading."""
    heading: str = ""
    """The file's first line, where it names columns."""

    def show(self, kind: str, example: dict[str, Any]) -> None:
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < 10:
            shown.append(example)


_WHOLE = re.compile(r"(-?[0-9]+)[.,]0+")
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}[.,]000")
_MARKED = re.compile(
    r"-?[1-9][0-9]{0,2}(?:,[0-9]{3}|['\u2019][0-9]{3}|([.,'\u2019])[0-9]{3}(?:(?:\1[0-9]{3})+|(?:\1[0-9]{3})*(?!\1)[.,][0-9]*))"
    r"|-?[0-9]+[.,]"
)
_NO_NAME = re.compile(r"[/#|\s]")
_ROUNDED = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_NOTHING = frozenset({"nan", "null", "none", "n/a", "#n/a", "#value!", "#ref!", "inf", "-inf", "<na>", "nat"})

Reader = Callable[[Iterable[str | TooLong], History, Findings], Iterator[Row | BadRow]]


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout, by the name under which callers ask for it; `currency` and `zone` None: the shop's.

    `read` gives the rows of the lines of one file, in any order, and counts what it finds. It raises UnreadableFile
    for a file of another layout. Events are named by `order_event`, so that the same file again is all duplicates.
    """

    name: str
    read: Reader
    mendable: bool = (
        True  # what is refused can be read by itself; not so where an invoice is taken without its bad line
    )
    currency: str | None = None
    zone: str | None = None


def too_long(number: int, line: TooLong, record: int = 0) -> BadRow:
    """A line of the file that is too long to be a row; its beginning is kept."""
    detail = f"line {number}: it has {line.size} bytes, a row has at most {LONGEST_LINE}; its beginning is kept here"
    return BadRow(number, "line_too_long", detail, line.text, record)


def identifier(text: str, column: str) -> str:
    """The name of an order or a customer in a cell, as the shop's own system writes it.

    Raises ValueError for none, and for one that a spreadsheet or a program of tables has replaced by something else.
    """
    _check_undamaged(text, column)
    if not text or _NO_NAME.search(text):
        raise ValueError(f"{column} is needed, without white space, / # |")
    return plain_number(text)


def plain_number(text: str) -> str:
    """A number without the decimals that programs of tables write: 17850.0 and 17850,00 are none other than 17850.

    1.000 stays, for it may be a thousand; so does all that is no number.
    """
    found = _WHOLE.fullmatch(text) if text.endswith("0") and not _GROUPED.fullmatch(text) else None
    return found[1] if found else text


def utc_of(found: datetime, zone: ZoneInfo) -> datetime:
    """The instant; `zone`: of one that names no other. Raises ValueError at the ends of the calendar, which UTC may not
    reach: programs write 9999-12-31 for no date."""
    if not 1 < found.year < 9999:
        raise ValueError(f"the year {found.year} is none in which anything was ordered")
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)


def _check_undamaged(text: str, column: str) -> None:
    if _GROUPED.fullmatch(text):
        digits = re.sub("[.,]", "", text)
        raise ValueError(f"{column} is {text}, which may be {text[:-4]} or {digits}: write it without the mark")
    if _MARKED.fullmatch(text):
        raise ValueError(f"{column} is {text[:40]}, a number with marks of a spreadsheet's: write it without the mark")
    if _ROUNDED.fullmatch(text):
        raise ValueError(
            f"{column} is {text[:40]}, a number that a spreadsheet has rounded: which one it was is lost; export the"
            " file anew with this column as text"
        )
    if text.lower() in _NOTHING:
        raise ValueError(f"{column} is {text!r}, which programs write for a missing value: leave the cell empty")


def order_event(
    history: History, number: int, at: datetime, customer: str | None, data: dict[str, Any], type_: str
) -> dict[str, Any]:
    """An event's JSON, named by the file and the number of its record (1 is the first after a header), so that ids sort
    as the file does and are the same with and without a header; keyed by its order where there is no customer."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"line-{number:09d}",
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
