"""The layouts of CDNOW: one completed order a row, at 12:00 of the day (Fader and Hardie 2001)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal

from common.values.currency import to_minor
from orders_ingest.imports.layouts.layout import (
    BadRow,
    Findings,
    History,
    Layout,
    Row,
    identifier,
    order_event,
    plain_number,
    too_long,
    utc_of,
)
from orders_ingest.imports.lines import TooLong, UnreadableFile, cells_of

_NOON = time(12)
_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_AMOUNT = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,4})?")


def read_master(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """customer_id, date, number_of_cds, dollar_value; comma separated, or white space as in CDNOW_master.txt."""
    return _read(lines, history, findings, 4)


def read_sample(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """customer_id, sample_id, date, number_of_cds, dollar_value; comma separated, or white space without a header."""
    return _read(lines, history, findings, 5)


def _read(lines: Iterable[str | TooLong], history: History, findings: Findings, width: int) -> Iterator[Row | BadRow]:
    number = 0
    for line, text in enumerate(lines, 1):
        if isinstance(text, TooLong):
            number += 1
            findings.counts["rows"] += 1
            yield too_long(line, text, history.record(number, line))
            continue
        if not text.strip():
            continue
        cells = _cells(text)
        if line == 1 and cells and cells[0] == "customer_id":
            findings.heading = text
            continue
        number += 1
        findings.counts["rows"] += 1
        if number == 1 and cells is not None and len(cells) != width:
            raise UnreadableFile(
                "wrong_layout", f"a row of this layout has {width} columns, the first one has {len(cells)}"
            )
        try:
            yield _order(line, history.record(number, line), cells, history, width)
        except ValueError as error:
            yield BadRow(line, "invalid_row", f"line {line}: {error}", text, history.record(number, line))


def _cells(text: str) -> list[str] | None:
    """None where its quotes make it no row."""
    cells = cells_of(text, ",") if "," in text else cells_of(" ".join(text.split()), " ")
    return None if cells is None else [cell.strip() for cell in cells]


def _order(line: int, number: int, cells: list[str] | None, history: History, width: int) -> Row:
    if cells is None:
        raise ValueError("a quote is opened and not closed, or not doubled within a quoted cell")
    if len(cells) != width:
        raise ValueError(f"{len(cells)} columns instead of {width}")
    said, (day, count, value) = cells[0], cells[-3:]
    customer, count = identifier(said, "the first cell"), plain_number(count)
    found = _DATE.fullmatch(day)
    if found is None:
        raise ValueError("the third cell from the end is no date: 1997-01-31 or 19970131")
    at = utc_of(datetime.combine(date(*map(int, found.groups())), _NOON), history.zone)
    if not (count.isdecimal() and count.isascii() and int(count) <= 1_000_000):
        raise ValueError("the last cell but one is no number of pieces up to 1,000,000")
    paid = _amount(value, history.currency)
    data = {
        "order_id": f"{history.name}-{number}",
        "state": "completed",
        "currency": history.currency,
        "goods_paid": paid,
        "lines": [{"sku": "cd", "quantity": int(count), "paid": paid}],
        "paid_at": at.isoformat(),
        "completed_at": at.isoformat(),
    }
    original = "\t".join((said, *found.groups(), count, value, history.currency, str(history.zone)))
    return Row(line, at, order_event(history, number, at, customer, data, "order.completed"), original)


def _amount(text: str, currency: str) -> int:
    """12.00 as 1200 where the currency has cents. Raises ValueError for what is no amount of that currency."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError("the last cell is no amount: 11.77")
    return to_minor(Decimal(text), currency)


SAMPLE = Layout("cdnow_sample", read_sample)
MASTER = Layout("cdnow_master", read_master)
