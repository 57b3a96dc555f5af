"""The file of refused lines: written for people to mend, read again with the record numbers that the lines had."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import orjson

from common.events import InvalidEvent
from common.events.envelope import parse_time
from orders_ingest.imports.layouts.layout import BadRow, Row
from orders_ingest.imports.lines import TooLong, UnreadableFile, records_of

Kind = Literal["heading", "line", "event"]
COLUMNS = ("record", "kind", "reason", "text")
"""`text` is what is mended: a line of the file as it stood, or an event made of one. It is one cell, so that no program
of tables takes its numbers and dates for its own."""
SEPARATORS = ",;\t"
MARK = "\ufeff"
"""By which programs of tables know UTF-8."""


class Refused(NamedTuple):
    """`record`: its number in the file that it came in, 0 of a heading and of an event, which has its own id."""

    record: int
    kind: Kind
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Mended:
    """What such a file says: `lines` as a file of the layout, the record that begins on each of them, and events."""

    lines: list[str]
    records: dict[int, int]
    events: list[tuple[int, str]]
    """With the line of the mended file on which they stand."""


def event(line: int, text: str) -> Row | BadRow:
    """An event of such a file, mended; refused where it is none."""
    try:
        said = orjson.loads(text)
        at = parse_time(said["time"])
        str(said["id"]), str(said["type"]), dict(said["data"])
    except (InvalidEvent, ValueError, TypeError, KeyError):
        return BadRow(line, "invalid_row", f"line {line}: it is no event with id, type, time and data", text)
    return Row(line, at, said, text)


def written(rows: Iterable[Refused]) -> str:
    """Rows of the file, without its heading."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


HEADING = MARK + ",".join(COLUMNS) + "\r\n"


def read(lines: Iterable[str | TooLong]) -> Mended:
    """A mended file. Raises UnreadableFile where it is none."""
    source = iter(lines)
    first = next(source, "")
    separator = max(SEPARATORS, key=first.count) if isinstance(first, str) else ","
    heading = [] if isinstance(first, TooLong) else [cell.strip().strip('"') for cell in first.split(separator)]
    if heading != list(COLUMNS):
        raise UnreadableFile(
            "wrong_layout", f"a mended file is one of refused lines, whose columns are {', '.join(COLUMNS)}"
        )
    found = Mended([], {}, [])
    for number, cells in records_of(source, len(COLUMNS), separator):
        at = number + 1
        if not isinstance(cells, list) or len(cells) != len(COLUMNS):
            raise UnreadableFile("wrong_layout", f"line {at} has not the columns {', '.join(COLUMNS)}")
        record, kind, _, text = cells
        if not record.strip().isdecimal() or kind not in ("heading", "line", "event"):
            raise UnreadableFile("wrong_layout", f"line {at}: `record` and `kind` stay as they were, `text` is mended")
        if kind == "event":
            found.events.append((at, text))
        elif text.strip():
            found.records[len(found.lines) + 1] = int(record)
            found.lines.extend(text.rstrip("\r\n").replace("\r", "").split("\n"))
    return found
