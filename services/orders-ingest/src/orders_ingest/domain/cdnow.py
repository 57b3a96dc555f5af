"""What does a CDNOW file say? One completed order a row, at 12:00 of the day (Fader and Hardie 2001)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from common.currency import to_minor
from orders_ingest.domain.layouts import BadRow, Findings, History, Row, UnreadableFile, order_event

_NOON = time(12)
_SEPARATOR = re.compile(r"[,\s]+")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")


def read_master(lines: Iterable[str], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """customer_id, date, number_of_cds, dollar_value; comma separated, or white space as in CDNOW_master.txt."""
    return _read(lines, history, findings, 4)


def read_sample(lines: Iterable[str], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """customer_id, sample_id, date, number_of_cds, dollar_value; comma separated, or white space without a header."""
    return _read(lines, history, findings, 5)


def _read(lines: Iterable[str], history: History, findings: Findings, width: int) -> Iterator[Row | BadRow]:
    number = 0
    for index, text in enumerate(lines):
        cells = [c for c in _SEPARATOR.split(text.strip()) if c]
        if not cells or (index == 0 and cells[0] == "customer_id"):
            continue
        number += 1
        findings.counts["rows"] += 1
        if number == 1 and len(cells) != width:
            raise UnreadableFile(
                "wrong_layout", f"a row of this layout has {width} columns, the first one has {len(cells)}"
            )
        try:
            yield _order(number, cells, history, width)
        except (ValueError, InvalidOperation) as error:
            yield BadRow(number, "invalid_row", f"line {number}: {error}", text[:500])


def _order(number: int, cells: list[str], history: History, width: int) -> Row:
    if len(cells) != width:
        raise ValueError(f"{len(cells)} columns instead of {width}")
    customer, (day, count, value) = cells[0], cells[-3:]
    if not re.fullmatch(r"[^/#|]{1,100}", customer):
        raise ValueError("a customer id has 1 to 100 characters, none of / # |")
    found = _DATE.fullmatch(day)
    if found is None:
        raise ValueError(f"{day!r} is no date: 1997-01-31 or 19970131")
    at = datetime.combine(date(*map(int, found.groups())), _NOON, history.zone).astimezone(UTC)
    if not (count.isdecimal() and count.isascii() and int(count) <= 1_000_000):
        raise ValueError(f"{count[:40]!r} is no number of pieces")
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
    return Row(number, at, order_event(history, number, at, customer, data, "order.completed"))


def _amount(text: str, currency: str) -> int:
    """12.00 as 1200 where the currency has cents. Raises ValueError for what is no amount of that currency."""
    amount = Decimal(text)
    if not amount.is_finite() or amount < 0 or amount >= 10**11:
        raise ValueError(f"{text!r} is no amount")
    return to_minor(amount, currency)
