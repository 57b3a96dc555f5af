"""A shop's own orders from a file, for the evaluations that run without a database."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from segmentation.lifetime_value.rules import Day

UNIT = 100


class Unusable(Exception):
    """The file does not have what the evaluation needs; the message says what to mend."""


def read(
    path: Path, customer: str, day: str, amount: str, quantity: str | None = None, *, least: int = 1
) -> list[list[Day]]:
    """The days of each customer, oldest first, amounts in hundredths; rows without a customer are left out.

    So are amounts below `least`: what was given back, and with 1 what was free. Raises Unusable, OSError and
    UnicodeDecodeError.
    """
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    columns = (customer, day, amount, *((quantity,) if quantity else ()))
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for number, (who, when, spent, *pieces) in enumerate(_rows(csv.DictReader(file), *columns), start=2):
            try:
                at, minor = (
                    date.fromisoformat(when[:10]),
                    int(Decimal(spent) * Decimal(pieces[0] if pieces else 1) * UNIT),
                )
            except (ValueError, InvalidOperation) as error:
                numbers = " and ".join(repr(each) for each in (spent, *pieces))
                raise Unusable(f"row {number}: {when!r} must begin with a date, and {numbers} be a number") from error
            if who and minor >= least:
                found[who][at] += minor
    return [[Day(at, True, True, of[at]) for at in sorted(of)] for _, of in sorted(found.items())]


def _rows(rows: csv.DictReader[str], *columns: str) -> Iterator[tuple[str, ...]]:
    missing = [name for name in columns if name not in (rows.fieldnames or ())]
    if missing:
        has = ", ".join(rows.fieldnames or ()) or "none"
        raise Unusable(
            f"the file has no column {', '.join(missing)}; it has {has}: name them by --customer, --date, --amount"
        )
    for row in rows:
        yield tuple(row[name] for name in columns)
