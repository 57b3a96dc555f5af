"""The layout of Online Retail: invoices become completed orders, cancelled lines become refunds.

Choices (the data's description leaves them open): POST, DOT and C2 are postage and count as freight, all other codes
count as what they say, a sale or a refund; those in NO_GOODS name no goods, so a cancellation of one is matched with
no sale. A line at price 0 is a gift. Invoices of A.. (bad debt) and stock adjustments (nobody's, and all of it free or
negative) are no sales.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from sys import intern
from typing import Any
from zoneinfo import ZoneInfo

from common.values.currency import EXPONENTS, round_to_minor
from orders_ingest.imports.layouts.layout import (
    BadRow,
    Findings,
    History,
    Row,
    has_columns,
    identifier,
    order_event,
    plain_number,
    too_long,
    utc_of,
)
from orders_ingest.imports.layouts.online_retail.cancellations import Sales
from orders_ingest.imports.layouts.online_retail.invoices import Invoice, Invoices, Line
from orders_ingest.imports.lines import Broken, TooLong, as_text, records_of

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
POSTAGE = frozenset({"POST", "DOT", "C2"})
NO_GOODS = frozenset({"M", "D", "S", "B", "CRUK", "BANK CHARGES", "AMAZONFEE"})
_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M")
_PIECES = re.compile(r"-?[0-9]{1,7}")
_PRICE = re.compile(r"-?[0-9]{1,8}(?:\.[0-9]{1,6})?")


def read_online_retail(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """All of the file is read before the first order is given: lines of one invoice may stand apart."""
    invoices = Invoices()
    yield from _collect(lines, history.zone, invoices, findings)
    sales = Sales(history.currency)
    # Chronologically, of equal times as they stand in the file: a cancellation finds what was sold before it.
    for invoice in invoices:
        if invoice.number[0] in "Cc":
            for line in invoice.lines:
                yield from _refunds(invoice, line, history, sales, findings)
        elif invoice.number[0] in "Aa":
            findings.show("bad_debt_adjustments", {"invoice": invoice.number})
        elif invoice.customer is None and all(x.quantity <= 0 or x.price == 0 for x in invoice.lines):
            findings.show("stock_adjustments", {"invoice": invoice.number})
        else:
            yield from _order(invoice, history, sales, findings)


def _collect(
    lines: Iterable[str | TooLong], zone: ZoneInfo, invoices: Invoices, findings: Findings
) -> Iterator[BadRow]:
    times: dict[str, datetime] = {}
    records = records_of(lines, len(COLUMNS))
    _, header = next(records, (1, []))
    has_columns(header if isinstance(header, list) else [header.text], COLUMNS, "online_retail")
    findings.heading = ",".join(COLUMNS)
    for number, (line, cells) in enumerate(records, 1):
        findings.counts["rows"] += 1
        if isinstance(cells, TooLong):
            yield too_long(line, cells)
            continue
        if isinstance(cells, Broken):
            yield BadRow(line, "invalid_row", f"line {line}: {cells.detail}", cells.text)
            continue
        try:
            _collect_row(number, line, cells, zone, times, invoices)
        except ValueError as error:
            yield BadRow(line, "invalid_row", f"line {line}: {error}", as_text(cells, ","))


def _collect_row(
    number: int, at_line: int, cells: list[str], zone: ZoneInfo, times: dict[str, datetime], invoices: Invoices
) -> None:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} columns instead of {len(COLUMNS)}")
    invoice_no, sku, name, quantity, date, price, customer, _country = (cell.strip() for cell in cells)
    invoice_no = identifier(_invoice(invoice_no), "InvoiceNo")
    customer = identifier(customer, "CustomerID") if customer else ""
    sku, quantity = plain_number(sku), plain_number(quantity)
    if not sku:
        raise ValueError("StockCode is needed")
    if date not in times:
        if len(times) >= 100_000:
            times.clear()
        times[date] = _instant(date, zone)
    if not _PIECES.fullmatch(quantity) or abs(int(quantity)) > 1_000_000:
        raise ValueError("Quantity is no whole number from -1,000,000 to 1,000,000")
    if not _PRICE.fullmatch(price) or abs(Decimal(price)) > 10_000_000:
        raise ValueError("UnitPrice is no amount up to 10,000,000: 2.55")
    line = Line(number, at_line, intern(sku), intern(name), int(quantity), Decimal(price), "\t".join(cells))
    if line.price < 0 and invoice_no[0] not in "Aa":
        raise ValueError("a price is not negative")
    if invoice_no[0] in "Cc" and line.quantity >= 0:
        raise ValueError("a cancelled line has a negative quantity")
    invoices.add(invoice_no, times[date], customer or None, line)


def _invoice(text: str) -> str:
    """Of C536379.0 too what is behind its letter is a number."""
    return text[:1] + plain_number(text[1:]) if text[:1].isalpha() else text


def _instant(text: str, zone: ZoneInfo) -> datetime:
    for form in _FORMATS:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        return utc_of(found, zone)
    raise ValueError("InvoiceDate is no time: 2010-12-01 08:26")


def _order(invoice: Invoice, history: History, sales: Sales, findings: Findings) -> Iterator[Row | BadRow]:
    goods: list[dict[str, Any]] = []
    freight = paid = 0
    for line in invoice.lines:
        if line.quantity <= 0:
            yield BadRow(
                line.line,
                "invalid_row",
                f"line {line.line}: a sale has a positive quantity",
                as_text(line.original.split("\t"), ","),
            )
            continue
        amount = round_to_minor(line.quantity * line.price, history.currency)
        if invoice.customer is not None and line.sku.upper() not in NO_GOODS:
            sales.sell(invoice.customer, line.sku, invoice.number, line.quantity, line.price)
        if line.sku in POSTAGE:
            freight += amount
            continue
        paid += amount
        goods.append(_order_line(line, line.quantity, amount, history.currency))
    at = invoice.at.isoformat()
    data = {
        "order_id": invoice.number,
        "state": "completed",
        "currency": history.currency,
        "goods_paid": paid,
        "freight": freight,
        "lines": goods,
        "paid_at": at,
        "completed_at": at,
    }
    findings.counts["orders"] += 1
    if invoice.customer is None:
        findings.counts["orders_without_customer"] += 1
    first = invoice.lines[0]
    event = order_event(history, first.number, invoice.at, invoice.customer, data, "order.completed")
    yield Row(first.line, invoice.at, event, _said(history, invoice.lines))


def _order_line(line: Line, quantity: int, paid: int, currency: str) -> dict[str, Any]:
    found: dict[str, Any] = {"sku": line.sku, "quantity": quantity, "paid": paid}
    if line.name:
        found["name"] = line.name
    if line.price == 0:
        found["kind"] = "gift"
    unit = line.price.scaleb(EXPONENTS[currency])
    if unit == unit.to_integral_value():
        found["unit_price"] = int(unit)
    return found


def _refunds(invoice: Invoice, line: Line, history: History, sales: Sales, findings: Findings) -> Iterator[Row]:
    quantity = -line.quantity
    asked = round_to_minor(quantity * line.price, history.currency)
    if invoice.customer is None:
        findings.counts["cancellations_without_customer"] += 1
        parts: list[tuple[str | None, int, int]] = [(None, quantity, asked)]
    elif line.sku.upper() in NO_GOODS:
        findings.counts["cancellations_of_no_goods"] += 1
        parts = [(None, quantity, asked)]
        _note(invoice, line, parts, False, False, findings)
    else:
        found = sales.cancel(invoice.customer, line.sku, quantity, line.price)
        parts = [(m.order_id, m.quantity, m.amount) for m in found.matches]
        if found.unmatched:
            parts.append((None, found.unmatched, found.unmatched_amount))
        _note(invoice, line, parts, found.costs_more, any(m.capped for m in found.matches), findings)
    for part, (order_id, pieces, amount) in enumerate(parts):
        goods, freight = (0, amount) if line.sku in POSTAGE else (amount, 0)
        data: dict[str, Any] = {
            "refund_id": f"{invoice.number}-{line.number}-{part}",
            "amount": goods,
            "freight": freight,
            "currency": history.currency,
            "reason": "cancelled" if order_id is not None else "unmatched",
            "lines": [_order_line(line, pieces, goods, history.currency)],
        }
        if order_id is not None:
            data["order_id"] = order_id
        event = order_event(history, line.number, invoice.at, invoice.customer, data, "order.refunded")
        event["id"] += f"-{part:03d}"
        findings.counts["refunds"] += 1
        yield Row(line.line, invoice.at, event, _said(history, [line]))


def _said(history: History, lines: list[Line]) -> str:
    """What the file says of these lines, and what the operator said of the file."""
    return "\n".join([f"{history.currency}\t{history.zone}", *(line.original for line in lines)])


def _note(
    invoice: Invoice,
    line: Line,
    parts: list[tuple[str | None, int, int]],
    costs_more: bool,
    capped: bool,
    findings: Findings,
) -> None:
    """Count the cancellation and show the first ten of each kind, without the customer: no erasure looks at them."""
    example = {
        "line": line.line,
        "invoice": invoice.number,
        "sku": line.sku,
        "quantity": -line.quantity,
        "price": str(line.price),
        "refunds": [{"order": order, "quantity": pieces, "amount": amount} for order, pieces, amount in parts],
    }
    findings.counts["cancellations"] += 1
    missing = sum(pieces for order, pieces, _ in parts if order is None)
    kind = "matched" if not missing else "unmatched" if missing == -line.quantity else "matched_in_part"
    findings.show(f"cancellations_{kind}", example)
    if costs_more:
        findings.show("cancellations_cost_more", example)
    if capped:
        findings.show("cancellations_capped", example)
