"""What does an Online Retail file say? Invoices become completed orders, cancelled lines become refunds.

Choices (the data's description leaves them open): POST, DOT and C2 are postage and count as freight, all other codes
(M, D, S, BANK CHARGES, AMAZONFEE, CRUK, vouchers) count as what they say, a sale or a refund. A line at price 0 is a
gift. Invoices of A.. (bad debt) and stock adjustments (nobody's, and all of it free or negative) are no sales.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from sys import intern
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from common.currency import EXPONENTS, round_to_minor
from orders_ingest.domain.cancellations import Sales
from orders_ingest.domain.layouts import BadRow, Findings, History, Row, UnreadableFile, has_columns, order_event

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
POSTAGE = frozenset({"POST", "DOT", "C2"})
_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M")


class Line(NamedTuple):
    number: int
    sku: str
    name: str
    quantity: int
    price: Decimal


class Invoice(NamedTuple):
    number: str
    at: datetime  # of its first line, UTC
    customer: str | None
    lines: list[Line]


def read_online_retail(lines: Iterable[str], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """All of the file is read before the first order is given: lines of one invoice may stand apart."""
    invoices: dict[str, Invoice] = {}
    yield from _collect(lines, history.zone, invoices, findings)
    sales = Sales(history.currency)
    # Chronologically, of equal times as they stand in the file: a cancellation finds what was sold before it.
    for invoice in sorted(invoices.values(), key=lambda i: (i.at, i.lines[0].number)):
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
    lines: Iterable[str], zone: ZoneInfo, invoices: dict[str, Invoice], findings: Findings
) -> Iterator[BadRow]:
    times: dict[str, datetime] = {}
    rows = csv.reader(line + "\n" for line in lines)
    try:
        has_columns(next(rows, []), COLUMNS, "online_retail")
        for number, cells in enumerate(rows, 1):
            findings.counts["rows"] += 1
            try:
                _collect_row(number, cells, zone, times, invoices)
            except (ValueError, InvalidOperation) as error:
                yield BadRow(number, "invalid_row", f"line {number}: {error}", ",".join(cells)[:500])
    except csv.Error as error:
        raise UnreadableFile("wrong_layout", f"the file is no CSV: {error}") from None


def _collect_row(
    number: int, cells: list[str], zone: ZoneInfo, times: dict[str, datetime], invoices: dict[str, Invoice]
) -> None:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} columns instead of {len(COLUMNS)}")
    invoice_no, sku, name, quantity, date, price, customer, _country = (cell.strip() for cell in cells)
    if not invoice_no or not sku or any(c in "/#|" or c.isspace() for c in invoice_no + customer):
        raise ValueError("InvoiceNo and StockCode are needed; InvoiceNo and CustomerID without white space, / # |")
    if date not in times:
        times[date] = _instant(date, zone)
    line = Line(number, intern(sku), intern(name), int(quantity), Decimal(price))
    if not line.price.is_finite() or abs(line.quantity) > 1_000_000 or abs(line.price) > 10_000_000:
        raise ValueError("the quantity or the price is absurd")
    if line.price < 0 and invoice_no[0] not in "Aa":
        raise ValueError("a price is not negative")
    if invoice_no[0] in "Cc" and line.quantity >= 0:
        raise ValueError("a cancelled line has a negative quantity")
    found = invoices.get(invoice_no)
    if found is None:
        invoices[intern(invoice_no)] = Invoice(invoice_no, times[date], customer or None, [line])
    elif found.customer != (customer or None):
        raise ValueError(f"invoice {invoice_no} belongs to customer {found.customer}, this line to {customer}")
    else:
        found.lines.append(line)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    raise ValueError(f"{text[:40]!r} is no time: 2010-12-01 08:26")


def _order(invoice: Invoice, history: History, sales: Sales, findings: Findings) -> Iterator[Row | BadRow]:
    goods: list[dict[str, Any]] = []
    freight = paid = 0
    for line in invoice.lines:
        if line.quantity <= 0:
            yield BadRow(line.number, "invalid_row", f"line {line.number}: a sale has a positive quantity",
                         f"{invoice.number},{line.sku},{line.quantity}")  # fmt: skip
            continue
        amount = round_to_minor(line.quantity * line.price, history.currency)
        if invoice.customer is not None:
            sales.sell(invoice.customer, line.sku, invoice.number, line.quantity, line.price)
        if line.sku in POSTAGE:
            freight += amount
            continue
        paid += amount
        goods.append(_order_line(line, line.quantity, amount, history.currency))
    at = invoice.at.isoformat()
    data = {"order_id": invoice.number, "state": "completed", "currency": history.currency, "goods_paid": paid,
            "freight": freight, "lines": goods, "paid_at": at, "completed_at": at}  # fmt: skip
    findings.counts["orders"] += 1
    if invoice.customer is None:
        findings.counts["orders_without_customer"] += 1
    first = invoice.lines[0].number
    yield Row(first, invoice.at, order_event(history, first, invoice.at, invoice.customer, data, "order.completed"))


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
    if invoice.customer is None:
        findings.counts["cancellations_without_customer"] += 1
        parts: list[tuple[str | None, int, int]] = [
            (None, quantity, round_to_minor(quantity * line.price, history.currency))
        ]
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
        event["id"] += f"-{part}"
        findings.counts["refunds"] += 1
        yield Row(line.number, invoice.at, event)


def _note(
    invoice: Invoice, line: Line, parts: list[tuple[str | None, int, int]], costs_more: bool, capped: bool,
    findings: Findings,
) -> None:  # fmt: skip
    """Count the cancellation and show the first ten of each kind."""
    example = {
        "line": line.number,
        "invoice": invoice.number,
        "customer": invoice.customer,
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
