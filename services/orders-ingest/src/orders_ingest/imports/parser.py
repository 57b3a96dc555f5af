"""The program that reads an uploaded file, in a process of its own, so that a large one does not hold up the service.

`python -m orders_ingest.imports.parser` takes what to read as JSON on its input and writes one JSON array a line:
["row", line, part, at, original, event], ["bad", line, slug, detail, text, record, of], and last ["end", counts,
examples, columns, heading] or ["unreadable", slug, detail].
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from orders_ingest.imports import mending
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Layout, Row
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import TooLong, UnreadableFile, lines_of


def parse(path: Path, out: Path, layout: Layout, encoding: str, history: History, most: int | None = None) -> None:
    """Write to `out` what the file, or its first `most` lines, says; what makes it unreadable is the last line."""
    findings = Findings()
    last = (0, -1)
    with out.open("wb") as target:
        try:
            for found in _found(islice(lines_of(path, encoding), most), layout, history, findings):
                row = _in_time(found, history)
                if isinstance(row, BadRow):
                    target.write(
                        orjson.dumps(["bad", row.line, row.slug, row.detail, row.text, row.record, row.of_record])
                        + b"\n"
                    )
                    continue
                last = (row.line, last[1] + 1 if row.line == last[0] else 0)
                target.write(orjson.dumps(["row", *last, row.at, row.original, row.event]) + b"\n")
            end: list[object] = ["end", dict(findings.counts), findings.examples, findings.columns, findings.heading]
        except UnreadableFile as error:
            end = ["unreadable", error.slug, str(error)]
        target.write(orjson.dumps(end) + b"\n")


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
    parse(Path(job["path"]), Path(job["out"]), LAYOUTS[job["layout"]], job["encoding"], history, job["most"])


if __name__ == "__main__":
    main()
