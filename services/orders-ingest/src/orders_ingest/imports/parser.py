"""The program that reads an uploaded file, in a process of its own, so that a large one does not hold up the service.

`python -m orders_ingest.imports.parser` takes what to read as JSON on its input and writes one JSON array a line, into
the file `out` or, without one, on its output: ["row", line, part, at, original, event], ["bad", line, slug, detail,
text, record, of], now and then ["at", bytes read], and last ["end", counts, examples, columns, heading] or
["unreadable", slug, detail]. It ends with NO_ROOM where the disk is full.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import orjson

from orders_ingest.imports import mending
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Layout, Row
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import Place, TooLong, UnreadableFile, lines_of
from orders_ingest.imports.temporary import NO_ROOM, is_full

PLACES_EVERY = 1_000
"""Lines after which it is written how far the file was read."""


def parse(path: Path, out: BinaryIO, layout: Layout, encoding: str, history: History, most: int | None = None) -> None:
    """Write to `out` what the file, or its first `most` lines, says; what makes it unreadable is the last line."""
    try:
        for line in _written(path, layout, encoding, history, most):
            out.write(orjson.dumps(line) + b"\n")
    except UnreadableFile as error:
        out.write(orjson.dumps(["unreadable", error.slug, str(error)]) + b"\n")
    out.flush()


def _written(
    path: Path, layout: Layout, encoding: str, history: History, most: int | None
) -> Iterator[tuple[object, ...]]:
    findings, place = Findings(), Place()
    last = (0, -1)
    lines = islice(lines_of(path, encoding, place), most)
    for count, found in enumerate(_found(lines, layout, history, findings), 1):
        if count % PLACES_EVERY == 0:
            yield "at", place.read()
        row = _in_time(found, history)
        if isinstance(row, BadRow):
            yield "bad", row.line, row.slug, row.detail, row.text, row.record, row.of_record
            continue
        last = (row.line, last[1] + 1 if row.line == last[0] else 0)
        yield "row", *last, row.at, row.original, row.event
    yield "end", dict(findings.counts), findings.examples, findings.columns, findings.heading


def _found(
    lines: Iterator[str | TooLong], layout: Layout, history: History, findings: Findings
) -> Iterator[Row | BadRow]:
    if history.records is None:
        yield from layout.read(lines, history, findings)
        return
    mended = mending.read(lines)
    if mended.lines:
        yield from layout.read(mended.lines, replace(history, records=mended.records), findings)
    yield from (mending.event(line, text) for line, text in mended.events)


def _in_time(row: Row | BadRow, history: History) -> Row | BadRow:
    """A row of a time that the clock never passes is refused here: it would keep its job running for ever."""
    if isinstance(row, BadRow) or history.until is None or row.at <= history.until:
        return row
    detail = f"line {row.line}: its time, {row.at:%Y-%m-%d %H:%M} UTC, lies after {history.until:%Y-%m-%d %H:%M} UTC"
    return BadRow(row.line, "time_in_future", detail, orjson.dumps(row.event).decode())


def main() -> None:
    """Read one file as the input says."""
    os.nice(5)  # live events go first
    job = orjson.loads(sys.stdin.buffer.read())
    until = datetime.fromisoformat(job["until"])
    history = History(
        job["shop"], job["name"], job["currency"], ZoneInfo(job["zone"]), job["columns"], job["decimals"], until
    )
    history = replace(history, hashing=bytes.fromhex(job.get("hashing", "")))
    if job.get("mended"):
        history = replace(history, records={})
    path = Path(job["path"])
    try:
        with Path(job["out"]).open("wb") if job["out"] else sys.stdout.buffer as out:
            parse(path, out, LAYOUTS[job["layout"]], job["encoding"], history, job["most"])
    except (OSError, sqlite3.Error) as error:
        if is_full(error):
            sys.exit(NO_ROOM)
        raise


if __name__ == "__main__":
    main()
