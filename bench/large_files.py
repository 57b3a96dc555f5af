"""Memory of reading large files: the program that reads one, over files of growing size, in each form.

`python -m bench.large_files --megabytes 1024` writes files of the generic layout into a temporary folder (CSV, gzip,
JSON Lines, Parquet), lets the service's own reader read each, and prints time and the most memory it held. It needs
that much free disk and no server; `make bench` does not run it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from arro3.core import Array, DataType, RecordBatch, RecordBatchReader
from arro3.io import write_parquet

START = datetime(2016, 1, 1, tzinfo=UTC)
FORMS = ("csv", "csv.gz", "jsonl", "parquet")
MOST_MB = 200
"""Above which the program has not kept its memory bounded."""


def rows() -> Iterator[tuple[str, ...]]:
    """Orders of two lines each, without end."""
    number = 0
    while True:
        number += 1
        order, customer = f"o-{number:010d}", f"c-{number % 1_000_000:07d}"
        at = (START + timedelta(seconds=number % 300_000_000)).isoformat()
        for line in range(2):
            sku, name = f"sku-{number % 5_000:05d}", f'a name of goods "{line}"'
            yield order, at, customer, sku, name, "12.90", OTHER


HEADING = ("order_id", "time", "customer", "sku", "name", "paid", "addresses")
OTHER = "what an export says besides and nobody reads here - " * 8
"""Wide rows have it so often that the file has an eighth of the rows: what is read is bytes, what is kept are rows."""
WIDER = 8


def write(path: Path, form: str, size: int, *, wide: bool = False) -> int:
    """A file of about so many bytes before packing, of CSV with wide rows if asked; returns its rows."""
    if form == "parquet":
        return _write_parquet(path, size)
    if form == "csv":
        return _write_csv(path, size, OTHER * WIDER if wide else OTHER)
    written = count = 0
    with gzip.open(path, "wt", compresslevel=1) if form.endswith("gz") else path.open("w") as file:
        if form != "jsonl":
            file.write(",".join(HEADING) + "\n")
        for row in rows():
            if form == "jsonl":
                text = json.dumps(dict(zip(HEADING, row, strict=True))) + "\n"
            else:
                text = ",".join((*row[:4], '"' + row[4].replace('"', '""') + '"', *row[5:])) + "\n"
            file.write(text)
            written += len(text)
            count += 1
            if written >= size and count % 2 == 0:
                return count
    raise AssertionError("the rows have no end")


def _write_csv(path: Path, size: int, other: str) -> int:
    """The same rows, an order at a time: five gigabytes in half a minute."""
    written = number = 0
    with path.open("wb", buffering=1 << 20) as file:
        file.write((",".join(HEADING) + "\n").encode())
        while written < size:
            number += 1
            written += file.write(two_rows(number, other))
    return number * 2


def two_rows(number: int, other: str) -> bytes:
    at = (START + timedelta(seconds=number % 300_000_000)).isoformat()
    begin = f"o-{number:010d},{at},c-{number % 1_000_000:07d},sku-{number % 5_000:05d}"
    return f'{begin},"a name of goods ""0""",12.90,{other}\n{begin},"a name of goods ""1""",12.90,{other}\n'.encode()


def _write_parquet(path: Path, size: int) -> int:
    source, batch_rows = rows(), 10_000
    count = max(1, size // 540 // batch_rows) * batch_rows

    def batches() -> Iterator[RecordBatch]:
        for _ in range(count // batch_rows):
            columns = zip(*(next(source) for _ in range(batch_rows)), strict=True)
            yield _batch([list(column) for column in columns])

    reader = RecordBatchReader.from_batches(_batch([[""]] * len(HEADING)).schema, batches())
    write_parquet(reader, str(path), max_row_group_size=batch_rows)
    return count


def _batch(columns: Sequence[list[str]]) -> RecordBatch:
    return RecordBatch.from_arrays([Array(column, DataType.utf8()) for column in columns], names=list(HEADING))


def read(path: Path) -> tuple[float, int, int]:
    """Seconds, MB held at most, and events of the reader; as the service starts it for a file in parts, whose lines it
    takes through a pipe."""
    asked: dict[str, Any] = {
        "path": str(path),
        "out": None,
        "most": None,
        "mended": False,
        "layout": "orders",
        "encoding": "utf-8",
        "shop": "demo",
        "name": "large",
        "currency": "EUR",
        "zone": "UTC",
        "columns": {},
        "decimals": "point",
        "until": datetime(9999, 1, 1, tzinfo=UTC).isoformat(),
    }
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "orders_ingest.imports.parser"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asked).encode())
    process.stdin.close()
    events = sum(line.startswith(b'["row"') for line in process.stdout)
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the reader ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss // 1024, events


def main() -> None:
    """Measure each form, at a tenth of the size and at all of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.large_files", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--form", action="append", choices=FORMS, help="this form alone; may be repeated")
    parser.add_argument("--wide", action="store_true", help="CSV of an eighth of the rows")
    given = parser.parse_args()
    worst = 0
    for form in given.form or FORMS:
        for megabytes in (max(1, given.megabytes // 10), given.megabytes):
            with tempfile.TemporaryDirectory(prefix="regulars-large-") as folder:
                path = Path(folder) / f"orders.{form}"
                count = write(path, form, megabytes << 20, wide=given.wide)
                seconds, held, events = read(path)
            if events != count // 2:
                raise SystemExit(f"{form}: {events} orders of {count // 2}")
            worst = max(worst, held)
            print(
                f"{form:8} {megabytes:6} MB {count:12,} rows {events:12,} orders {seconds:8.1f} s {held:6} MB held",
                flush=True,
            )
    if worst > MOST_MB:
        raise SystemExit(f"{worst} MB were held; {MOST_MB} are allowed")


if __name__ == "__main__":
    main()
