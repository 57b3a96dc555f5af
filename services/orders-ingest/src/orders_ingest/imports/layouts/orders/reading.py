"""Reads the generic layout row by row; the rows of one order stand together, and make one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from common.events.orders import MAX_LINES
from common.values.currency import EXPONENTS
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
)
from orders_ingest.imports.layouts.orders.columns import find_columns
from orders_ingest.imports.layouts.orders.json_lines import is_json, json_rows
from orders_ingest.imports.layouts.orders.values import amount_of, instant_of, quantity_of, state_of
from orders_ingest.imports.lines import Broken, TooLong, UnreadableFile, as_text, records_of
from orders_ingest.imports.recent import Recent

SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class _Cells:
    """A row: the number by which its record is named, its line, its fields, and its text as it stood."""

    number: int
    line: int
    fields: dict[str, str]
    text: str


def read_orders(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """An order for each group of rows with one order id; memory does not grow with the file.

    An order of which a row is refused is refused whole: with what is left of it, its amounts would be wrong.
    """
    group: list[_Cells] = []
    seen = Recent()  # an order whose rows stand farther apart would be taken as two versions
    for row in _rows(lines, history, findings):
        if isinstance(row, BadRow):
            yield row
            continue
        order_id = row.fields["order_id"]
        if group and (group[0].fields["order_id"] != order_id or len(group) > MAX_LINES):
            yield from _order(group, history, findings)
            group = []
        if not group:
            if order_id in seen:
                yield _bad(row, f"order {order_id} came before, or has too many rows: let its rows stand together")
                continue
            seen.put(order_id)
        group.append(row)
    if group:
        yield from _order(group, history, findings)


def _rows(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[_Cells | BadRow]:
    source = iter(lines)
    first = next(source, None)
    if first is None or isinstance(first, TooLong):
        raise UnreadableFile("wrong_layout", "the first line of the file names its columns")
    if is_json(first):
        yield from _of_json(chain([first], source), history, findings)
    else:
        yield from _of_csv(first, source, history, findings)


def _of_json(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[_Cells | BadRow]:
    for number, (line, text, rows) in enumerate(json_rows(lines, history, findings), 1):
        if isinstance(rows, TooLong | Broken):
            findings.counts["rows"] += 1
            yield _no_record(line, rows, history.record(number, line))
            continue
        for fields in rows:
            findings.counts["rows"] += 1
            yield _named(_Cells(history.record(number, line), line, fields, text))


def _of_csv(
    first: str, source: Iterator[str | TooLong], history: History, findings: Findings
) -> Iterator[_Cells | BadRow]:
    separator = max(SEPARATORS, key=first.count)
    records = records_of(chain([first], source), first.count(separator) + 1, separator)
    _, header = next(records, (1, []))
    if not isinstance(header, list):
        raise UnreadableFile("wrong_layout", "the first line of the file names its columns")
    columns = find_columns(header, history.columns)
    findings.columns = {name: header[at].strip() for name, at in columns.places.items()}
    findings.heading = first
    for count, (line, cells) in enumerate(records, 1):
        number = history.record(count, line)
        findings.counts["rows"] += 1
        if isinstance(cells, TooLong | Broken):
            yield _no_record(line, cells, number)
        elif len(cells) != columns.width:
            row = _Cells(number, line, {}, as_text(cells, separator))
            yield _bad(row, f"{len(cells)} columns instead of {columns.width}")
        else:
            yield _named(_Cells(number, line, columns.of(cells), as_text(cells, separator)))


def _no_record(line: int, found: TooLong | Broken, record: int) -> BadRow:
    if isinstance(found, TooLong):
        return too_long(line, found, record)
    return BadRow(line, "invalid_row", f"line {line}: {found.detail}", found.text, record)


def _named(row: _Cells) -> _Cells | BadRow:
    """The row under its order's id; refused where that is none."""
    try:
        row.fields["order_id"] = _order_id(row.fields)
    except ValueError as error:
        return _bad(row, str(error))
    return row


def _bad(row: _Cells, why: str, slug: str = "invalid_row", of: _Cells | None = None) -> BadRow:
    return BadRow(row.line, slug, f"line {row.line}: {why}", row.text, row.number, of.number if of is not None else 0)


def _order_id(fields: dict[str, str]) -> str:
    return identifier(fields.get("order_id", "").lstrip("#"), "order_id")  # as Shopify writes it


def _order(group: list[_Cells], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    if len(group) > MAX_LINES:
        yield from (_bad(row, f"an order has at most {MAX_LINES:,} rows") for row in _once(group))
        return
    errors: dict[int, str] = {}
    currency, order, lines = history.currency, dict[str, Any](), list[dict[str, Any]]()
    for row in group:
        try:
            if row is group[0]:
                currency, order = _head(row.fields, history)
            _check_alike(row.fields, group[0].fields, currency)
            lines.append(_line(row.fields, currency, history))
        except ValueError as error:
            errors.setdefault(row.line, str(error))
    if errors:
        for row in _once(group):
            whole = "another row of its order was refused, and an order is taken whole"
            slug = "invalid_row" if row.line in errors else "order_incomplete"
            yield _bad(row, errors.get(row.line, whole), slug, group[0])
        return
    first, state = group[0], order["state"]
    goods = [line for line in lines if line.pop("told")]
    paid = order.pop("goods_paid")
    customer, at = order.pop("customer"), order.pop("at")
    data = {**order, "goods_paid": sum(line["paid"] for line in lines) if paid is None else paid, "lines": goods}
    findings.counts["orders"] += 1
    findings.counts["orders_without_customer"] += customer is None
    event = order_event(history, first.number, at, customer, data, f"order.{state}")
    said = ("\t".join(f"{name}={row.fields[name]}" for name in sorted(row.fields)) for row in group)
    original = "\n".join([f"{history.currency}\t{history.zone}\t{history.decimals}", *said])
    yield Row(first.line, at, event, original)


def _once(group: list[_Cells]) -> list[_Cells]:
    """A row of each line: one line of JSON holds several."""
    return list({row.line: row for row in reversed(group)}.values())[::-1]


def _head(fields: dict[str, str], history: History) -> tuple[str, dict[str, Any]]:
    """The currency, and what the first row says of the order."""
    if "time" not in fields:
        raise ValueError("time is needed in the first row of an order")
    currency = fields.get("currency", history.currency).upper()
    if currency not in EXPONENTS:
        raise ValueError("currency is none of ISO 4217, such as CNY, USD, EUR")
    placed = instant_of(fields["time"], "time", history.zone)
    times = {
        name: instant_of(fields[name], name, history.zone) for name in ("paid_at", "completed_at") if name in fields
    }
    state = state_of(fields.get("state", "completed"))
    if state == "completed":
        times.setdefault("completed_at", placed)
    goods = (
        amount_of(fields["goods_paid"], "goods_paid", history.decimals, currency) if "goods_paid" in fields else None
    )
    order: dict[str, Any] = {
        "order_id": fields["order_id"],
        "state": state,
        "currency": currency,
        "goods_paid": goods,
        "freight": amount_of(fields.get("freight", "0"), "freight", history.decimals, currency),
        "placed_at": placed.isoformat(),
        **{name: time.isoformat() for name, time in times.items()},
        "customer": _customer(fields),
        "at": times["completed_at"] if state == "completed" else times.get("paid_at", placed),
    }
    return currency, order


def _customer(fields: dict[str, str]) -> str | None:
    return identifier(fields["customer"], "customer") if "customer" in fields else None


def _check_alike(fields: dict[str, str], first: dict[str, str], currency: str) -> None:
    """What is the order's stands in its first row; a later one says the same, or nothing. Raises ValueError."""
    if fields.get("currency", currency).upper() != currency:
        raise ValueError(f"its order is in {currency}")
    if "customer" in fields and _customer(fields) != _customer(first):
        raise ValueError("its order's first row names another customer: give every order a number of its own")
    for name in ("goods_paid", "freight"):
        if fields.get(name, first.get(name)) != first.get(name):
            raise ValueError(
                f"{name} is of the whole order: say it in its first row alone, or the same in all; what was paid for"
                " a line is `paid`"
            )
    if "goods_paid" not in first and "paid" not in fields and "unit_price" not in fields:
        raise ValueError("goods_paid is missing, and so are paid and unit_price: nothing paid is written as 0")


def _line(fields: dict[str, str], currency: str, history: History) -> dict[str, Any]:
    """A line; `told`: the row names goods. What was paid is the line's sum, else price by pieces."""
    quantity = quantity_of(fields.get("quantity", "1"), history.decimals)
    price, paid = (
        amount_of(fields[name], name, history.decimals, currency) if name in fields else None
        for name in ("unit_price", "paid")
    )
    line: dict[str, Any] = {
        "told": "sku" in fields or "name" in fields,
        "sku": plain_number(fields.get("sku", "")) or fields.get("name", ""),
        "quantity": quantity,
        "paid": (price or 0) * quantity if paid is None else paid,
    }
    line |= {name: fields[name] for name in ("name", "category", "brand") if name in fields}
    return line if price is None else {**line, "unit_price": price}


LAYOUT = Layout("orders", read_orders)
