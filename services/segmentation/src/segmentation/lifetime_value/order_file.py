"""A shop's own orders from a file, for the evaluations that run without a database."""

from __future__ import annotations

import argparse
import csv
import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from segmentation.lifetime_value.rules import Day

UNIT = 100


class Unusable(Exception):
    """The file does not have what the evaluation needs; the message says what to mend."""


def name_columns(parser: argparse.ArgumentParser) -> None:
    """Options that say in which columns of the file an order's customer, day and amount stand."""
    parser.add_argument("--customer", default="customer")
    parser.add_argument("--date", default="date")
    parser.add_argument("--amount", default="amount")
    parser.add_argument("--quantity", help="pieces of a line; the amount is then that of one")


def read(
    path: Path, customer: str, day: str, amount: str, quantity: str | None = None, *, least: int = 1
) -> list[list[Day]]:
    """The days of each customer, oldest first, amounts in hundredths; rows without a customer are left out.

    So are amounts below `least`: what was given back, and with 1 what was free. Raises Unusable, OSError and
    UnicodeDecodeError.
    """
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for who, at, minor in rows_of(path, customer, day, amount, quantity):
        if minor >= least:
            found[who][at] += minor
    return [[Day(at, True, True, of[at]) for at in sorted(of)] for _, of in sorted(found.items())]


def rows_of(
    path: Path, customer: str, day: str, amount: str, quantity: str | None = None
) -> Iterator[tuple[str, date, int]]:
    """Customer, day and amount in hundredths of each row that has a customer, as the file has them.

    Raises Unusable, OSError and UnicodeDecodeError.
    """
    columns = (customer, day, amount, *((quantity,) if quantity else ()))
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        # Spreadsheets put a byte order mark before what they write.
        with opened(path, "rt", encoding="utf-8-sig") as file:
            yield from _read(_rows(csv.DictReader(file, restval=""), *columns))
    except (csv.Error, EOFError, zlib.error) as error:
        raise Unusable(f"the file is damaged or cut off: {error}") from error


def iso_day(text: str) -> date:
    """A day that a horizon can be counted from, back and forth. Raises ValueError."""
    found = date.fromisoformat(text)
    if not 1900 <= found.year < 3000:
        raise ValueError(text)
    return found


def horizon_days(text: str) -> int:
    """The horizon of an argument: from a day to ten years. Raises ValueError."""
    found = int(text)
    if not 0 < found <= 3_660:
        raise ValueError(text)
    return found


def _read(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, date, int]]:
    for number, (who, when, spent, *pieces) in enumerate(rows, start=2):
        try:
            at, minor = iso_day(when[:10]), int(Decimal(spent) * Decimal(pieces[0] if pieces else 1) * UNIT)
        except (ValueError, OverflowError, InvalidOperation) as error:
            numbers = " and ".join(repr(each) for each in (spent, *pieces))
            raise Unusable(f"row {number}: {when!r} must begin with a date, and {numbers} be a number") from error
        if who:
            yield who, at, minor


def _rows(rows: csv.DictReader[str], *columns: str) -> Iterator[tuple[str, ...]]:
    missing = [name for name in columns if name not in (rows.fieldnames or ())]
    if missing:
        has = ", ".join(rows.fieldnames or ()) or "none"
        raise Unusable(
            f"the file has no column {', '.join(missing)}; it has {has}: name them by --customer, --date, --amount"
        )
    for row in rows:
        yield tuple(row[name] for name in columns)
