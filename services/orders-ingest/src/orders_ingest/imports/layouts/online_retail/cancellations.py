"""Cancelled lines take back the customer's latest earlier sales of that stock code, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from common.values.currency import round_to_minor
from orders_ingest.imports.temporary import temporary_database


class SoldLine(NamedTuple):
    """A line that may still be taken back: `left` pieces, `remains` minor units of what was paid for it."""

    seq: int
    order_id: str
    left: int
    price: Decimal
    remains: int


class Match(NamedTuple):
    """`quantity` pieces of one order taken back for `amount` minor units; `capped` when the price asked for more."""

    order_id: str
    quantity: int
    amount: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What one cancelled line came to; `unmatched` pieces found no sale and are a refund of the customer."""

    matches: tuple[Match, ...]
    unmatched: int
    unmatched_amount: int
    costs_more: bool


class Sales:
    """What each customer has bought so far, by stock code, in the order in which it was sold; in bounded memory.

    Prices are in major units of `currency`, amounts in its minor units.
    """

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._database = temporary_database(
            """
            create table sold (seq integer primary key, customer text, sku text, order_id text, pieces integer,
                               price text, remains integer)
            """,
            "create index sold_left on sold (customer, sku, seq) where pieces > 0",
            "begin",
        )

    def sell(self, customer: str, sku: str, order_id: str, quantity: int, price: Decimal) -> None:
        self._database.execute(
            "insert into sold (customer, sku, order_id, pieces, price, remains) values (?, ?, ?, ?, ?, ?)",
            (customer, sku, order_id, quantity, str(price), round_to_minor(quantity * price, self._currency)),
        )

    def cancel(self, customer: str, sku: str, quantity: int, price: Decimal) -> Cancelled:
        """Take back `quantity` pieces at `price`: newest sale first, and never more than remains of its line."""
        matches: dict[str, Match] = {}
        wanted, costs_more = quantity, False
        for line in self._newest_first(customer, sku):
            if wanted == 0:
                break
            pieces = min(wanted, line.left)
            asked = round_to_minor(pieces * price, self._currency)
            amount = min(asked, line.remains)
            self._take(line, pieces, amount)
            wanted -= pieces
            costs_more = costs_more or price > line.price
            before = matches.get(line.order_id, Match(line.order_id, 0, 0, False))
            matches[line.order_id] = Match(
                line.order_id, before.quantity + pieces, before.amount + amount, before.capped or amount < asked
            )
        return Cancelled(tuple(matches.values()), wanted, round_to_minor(wanted * price, self._currency), costs_more)

    def _newest_first(self, customer: str, sku: str) -> Iterator[SoldLine]:
        # Page by page: lines are changed while they are gone through.
        last = 2**62
        while True:
            page = self._database.execute(
                """
                select seq, order_id, pieces, price, remains from sold
                where customer = ? and sku = ? and pieces > 0 and seq < ? order by seq desc limit 50
                """,
                (customer, sku, last),
            ).fetchall()
            for seq, order_id, left, price, remains in page:
                yield SoldLine(seq, order_id, left, Decimal(price), remains)
            if len(page) < 50:
                return
            last = page[-1][0]

    def _take(self, line: SoldLine, pieces: int, amount: int) -> None:
        self._database.execute(
            "update sold set pieces = pieces - ?, remains = remains - ? where seq = ?", (pieces, amount, line.seq)
        )
