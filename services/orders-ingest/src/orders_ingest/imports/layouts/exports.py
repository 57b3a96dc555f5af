"""What layouts of shop systems' order exports share: rows by heading, orders of rows that stand together, customers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from orders_ingest.identity.by_mail import named_by_mail
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Row, order_event, plain_number, too_long
from orders_ingest.imports.lines import Broken, TooLong, UnreadableFile, as_text, records_of
from orders_ingest.imports.recent import Recent


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the number by which it is named, its line, its cells that say something by heading, and its text."""

    number: int
    line: int
    cells: dict[str, str]
    text: str


class Made(NamedTuple):
    """An order of an export: when it was placed and reached its state; its refunds with their times.

    `profile`: what it says of its customer; fields of a profile.
    """

    placed: datetime
    at: datetime
    customer: str | None
    data: dict[str, Any]
    refunds: list[tuple[datetime, dict[str, Any]]]
    profile: dict[str, Any]


def read_export(
    lines: Iterable[str | TooLong],
    history: History,
    findings: Findings,
    needed: Sequence[str],
    order_of: Callable[[list[Record], History], Made],
    named_by: str,
) -> Iterator[Row | BadRow]:
    """The orders of an export, of which rows with one value of `named_by` stand together; each after its customer's
    profile, and before its refunds. An order of which `order_of` raises ValueError is refused whole."""
    seen, profiles = Recent(), Recent()
    for group in _grouped(_records(lines, history, findings, needed), named_by):
        if isinstance(group, BadRow):
            yield group
            continue
        first = group[0]
        name = _name_of(first, named_by)
        try:
            if not name:
                raise ValueError(f"{named_by} is needed in every row of an order")
            if name in seen:
                raise ValueError(f"{named_by} {name} came before: let the rows of an order stand together")
            seen.put(name)
            made = order_of(group, history)
        except ValueError as error:
            why = f"line {first.line}: {error}"
            yield from (BadRow(each.line, "invalid_row", why, each.text, each.number, first.number) for each in group)
            continue
        yield from _rows(group, made, history, findings, profiles)


def _rows(group: list[Record], made: Made, history: History, findings: Findings, profiles: Recent) -> Iterator[Row]:
    first, customer = group[0], made.customer
    said = "\n".join([f"{history.currency}\t{history.zone}\t{history.decimals}", *(each.text for each in group)])
    if customer is not None and made.profile:
        fields = repr(sorted(made.profile.items()))
        sign = hashlib.blake2b(f"{customer}\n{fields}".encode(), key=history.hashing, digest_size=12).hexdigest()
        # The same again where an earlier order says it: rows are taken in order of time, and the first one counts.
        placed, known = int(made.placed.timestamp()), profiles.get(sign)
        if known is None or placed < known:
            profiles.put(sign, placed)
            event = order_event(history, first.number, made.placed, customer, made.profile, "customer.registered")
            yield Row(first.line, made.placed, event | {"id": f"customer-{sign}"}, fields)
    findings.counts["orders"] += 1
    findings.counts["orders_without_customer"] += customer is None
    event = order_event(history, first.number, made.at, customer, made.data, f"order.{made.data['state']}")
    yield Row(first.line, made.at, event, said)
    for part, (refunded_at, refund) in enumerate(made.refunds):
        event = order_event(history, first.number, refunded_at, customer, refund, "order.refunded")
        findings.counts["refunds"] += 1
        yield Row(first.line, refunded_at, event | {"id": f"{event['id']}-{part:03d}"}, said)


def _records(
    lines: Iterable[str | TooLong], history: History, findings: Findings, needed: Sequence[str]
) -> Iterator[Record | BadRow]:
    source = iter(lines)
    first = next(source, None)
    if first is None or isinstance(first, TooLong):
        raise UnreadableFile("wrong_layout", "the first line of the file names its columns")
    separator = max(",;\t", key=first.count)
    _, heading = next(records_of([first], first.count(separator) + 1, separator), (1, []))
    names = [cell.strip() for cell in heading] if isinstance(heading, list) else []
    missing = [name for name in needed if name not in names]
    if missing:
        raise UnreadableFile("wrong_layout", f"the file has no column {', '.join(missing)}: it has {first[:300]}")
    findings.heading = first
    for count, (line, cells) in enumerate(records_of(source, len(names), separator), 1):
        at = line + 1
        number = history.record(count, at)
        findings.counts["rows"] += 1
        if isinstance(cells, TooLong):
            yield too_long(at, cells, number)
        elif isinstance(cells, Broken):
            yield BadRow(at, "invalid_row", f"line {at}: {cells.detail}", cells.text, number)
        elif len(cells) != len(names):
            why = f"line {at}: {len(cells)} columns instead of {len(names)}"
            yield BadRow(at, "invalid_row", why, as_text(cells, separator), number)
        else:
            said = {name: text for name, cell in zip(names, cells, strict=True) if (text := cell.strip())}
            yield Record(number, at, said, as_text(cells, separator))


def _grouped(records: Iterable[Record | BadRow], named_by: str) -> Iterator[list[Record] | BadRow]:
    group: list[Record] = []
    for record in records:
        if isinstance(record, BadRow):
            # Of which order it is cannot be read.
            yield record
            continue
        if group and _name_of(record, named_by) != _name_of(group[0], named_by):
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def _name_of(record: Record, named_by: str) -> str:
    """The order's, however a program of tables has written it in this row."""
    return plain_number(record.cells.get(named_by, ""))


def customer_of(email: str, history: History) -> str | None:
    """The identifier of somebody of whom an export says the e-mail alone: a keyed hash of it."""
    return named_by_mail(history.shop, email, history.hashing)


def paid_back(text: str) -> str:
    """A sum of refunds as an amount: several plugins write it with a minus."""
    return text.strip().removeprefix("-").removeprefix("\u2212")


def refunded_in_all(
    order: dict[str, Any], back: int, at: datetime, history: History
) -> list[tuple[datetime, dict[str, Any]]]:
    """What was paid back in all, of goods, and what is more of postage: named by how much it is, for a later export may
    say more. Of it counts what other refunds of the order, told by webhooks, have not counted."""
    if not back:
        return []
    refund = {
        "refund_id": f"{order['order_id']}-exported-{back}",
        "order_id": order["order_id"],
        "amount": min(back, order["goods_paid"]),
        "freight": max(0, back - order["goods_paid"]),
        "currency": order["currency"],
        "in_all_at": max(at, history.until or at).isoformat(),
    }
    return [(at, refund)]


def present(**fields: Any) -> dict[str, Any]:
    """Those fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], ())}
