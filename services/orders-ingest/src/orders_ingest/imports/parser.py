"""How is a large file read without holding up the service? By this program, in a process of its own.

`python -m orders_ingest.imports.parser` takes what to read as JSON on its input and writes one JSON array a line:
["row", line, part, at, said, event], ["bad", line, slug, detail, text], and last ["end", counts, examples] or
["unreadable", slug, detail].
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from orders_ingest.imports.layouts import cdnow
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Layout, Reader
from orders_ingest.imports.layouts.online_retail import reading as online_retail
from orders_ingest.imports.lines import UnreadableFile, lines_of

READERS: dict[Layout, Reader] = {
    "cdnow_sample": cdnow.read_sample,
    "cdnow_master": cdnow.read_master,
    "online_retail": online_retail.read_online_retail,
}


def parse(path: Path, out: Path, layout: Layout, encoding: str, history: History) -> None:
    """Write to `out` what the file says; what makes it unreadable as a whole is its last line."""
    findings = Findings()
    last = (0, -1)
    with out.open("wb") as target:
        try:
            for row in READERS[layout](lines_of(path, encoding), history, findings):
                if isinstance(row, BadRow):
                    target.write(orjson.dumps(["bad", row.line, row.slug, row.detail, row.text]) + b"\n")
                    continue
                last = (row.line, last[1] + 1 if row.line == last[0] else 0)
                target.write(orjson.dumps(["row", *last, row.at, row.said, row.event]) + b"\n")
            end: list[object] = ["end", dict(findings.counts), findings.examples]
        except UnreadableFile as error:
            end = ["unreadable", error.slug, str(error)]
        target.write(orjson.dumps(end) + b"\n")


def main() -> None:
    os.nice(5)  # live events go first
    told = orjson.loads(sys.stdin.buffer.read())
    history = History(told["shop"], told["name"], told["currency"], ZoneInfo(told["zone"]))
    parse(Path(told["path"]), Path(told["out"]), told["layout"], told["encoding"], history)


if __name__ == "__main__":
    main()
