"""The invoices of one file, put together from lines that may stand apart, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from orders_ingest.imports.temporary import temporary_database


class Line(NamedTuple):
    """One record: its number (1 is the first after the header) and the line of the file that it begins on.

    `price` in major units for one piece, `original` as it stands in the file.
    """

    number: int
    line: int
    sku: str
    name: str
    quantity: int
    price: Decimal
    original: str


class Invoice(NamedTuple):
    number: str
    at: datetime  # of its first line in the file, UTC
    customer: str | None
    lines: list[Line]


class OtherCustomer(ValueError):
    """A line names another customer than the invoice's first line."""


class Invoices:
    """Lines go in as the file has them; invoices come out by time, of equal times by their first line."""

    def __init__(self) -> None:
        self._database = temporary_database(
            "create table invoices (invoice text primary key, at real, customer text, first integer) without rowid",
            """
            create table lines (invoice text, number integer, line integer, sku text, name text, quantity integer,
                                price text, original text, primary key (invoice, number)) without rowid
            """,
            "begin",
        )
        self._last: tuple[str, str | None] | None = None
        self._waiting: list[tuple[str, int, int, str, str, int, str, str]] = []

    def add(self, invoice: str, at: datetime, customer: str | None, line: Line) -> None:
        """Raises OtherCustomer; then nothing was added."""
        owner = self._owner(invoice, at, customer, line.number)
        if owner != customer:
            raise OtherCustomer(f"invoice {invoice} belongs to customer {owner}, this line to {customer}")
        self._waiting.append(
            (invoice, line.number, line.line, line.sku, line.name, line.quantity, str(line.price), line.original)
        )
        if len(self._waiting) == 1_000:
            self._flush()

    def _flush(self) -> None:
        self._database.executemany("insert into lines values (?, ?, ?, ?, ?, ?, ?, ?)", self._waiting)
        self._waiting.clear()

    def _owner(self, invoice: str, at: datetime, customer: str | None, number: int) -> str | None:
        if self._last is not None and self._last[0] == invoice:
            return self._last[1]
        self._database.execute(
            "insert into invoices values (?, ?, ?, ?) on conflict do nothing",
            (invoice, at.timestamp(), customer, number),
        )
        row = self._database.execute("select customer from invoices where invoice = ?", (invoice,)).fetchone()
        owner: str | None = row[0]
        self._last = invoice, owner
        return owner

    def __iter__(self) -> Iterator[Invoice]:
        self._flush()
        found = self._database.execute("select invoice, at, customer from invoices order by at, first")
        for invoice, at, customer in found:
            query = (
                "select number, line, sku, name, quantity, price, original from lines where invoice = ? order by number"
            )
            rows = self._database.execute(query, (invoice,))
            lines = [
                Line(number, line, sku, name, quantity, Decimal(price), original)
                for number, line, sku, name, quantity, price, original in rows
            ]
            yield Invoice(invoice, datetime.fromtimestamp(at, UTC), customer, lines)
