"""Which sale does a cancelled line take back? The customer's latest earlier ones with that stock code, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from common.currency import round_to_minor


@dataclass(slots=True)
class SoldLine:
    """A line that may still be taken back: `left` pieces, `remains` minor units of what was paid for it."""

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
    """What each customer has bought so far, by stock code, in the order in which it was sold.

    Prices are in major units of `currency`, amounts in its minor units.
    """

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._lines: dict[tuple[str, str], list[SoldLine]] = {}

    def sell(self, customer: str, sku: str, order_id: str, quantity: int, price: Decimal) -> None:
        line = SoldLine(order_id, quantity, price, round_to_minor(quantity * price, self._currency))
        self._lines.setdefault((customer, sku), []).append(line)

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
            line.left -= pieces
            line.remains -= amount
            wanted -= pieces
            costs_more = costs_more or price > line.price
            before = matches.get(line.order_id, Match(line.order_id, 0, 0, False))
            matches[line.order_id] = Match(
                line.order_id, before.quantity + pieces, before.amount + amount, before.capped or amount < asked
            )
        return Cancelled(tuple(matches.values()), wanted, round_to_minor(wanted * price, self._currency), costs_more)

    def _newest_first(self, customer: str, sku: str) -> Iterator[SoldLine]:
        return (line for line in reversed(self._lines.get((customer, sku), [])) if line.left > 0)
