"""Double entry: the legs of one cause in one book sum to zero, and nothing posted is ever changed.

There are two books that never meet. `points`: on the member's side stand `pending` and `available` (by lot, what the
shop owes) and `debt` (below zero: what the member owes); on the shop's side `issued` (below zero), `redeemed`,
`expired` and `reversed`. `growth`: `growth` is the member's, by what earned it; `granted` is the shop's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Book = Literal["points", "growth"]
BOOKS: tuple[Book, ...] = ("points", "growth")
Account = Literal["pending", "available", "debt", "issued", "redeemed", "expired", "reversed", "growth", "granted"]
Balances = dict[tuple[Account, str], int]
"""By account and by what the amount was earned by, which is empty on accounts without lots."""


@dataclass(frozen=True, slots=True)
class Leg:
    """`amount` into (or out of) an account; `lot` is what it was earned by, empty on accounts without lots."""

    account: Account
    lot: str
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """The legs of one cause in one book; they sum to zero."""

    book: Book
    legs: tuple[Leg, ...]


def legs_of(moved: Balances) -> tuple[Leg, ...]:
    """A leg for whatever came to more or less than nothing."""
    return tuple(Leg(account, lot, amount) for (account, lot), amount in moved.items() if amount)


def difference(old: Balances, new: Balances) -> tuple[Leg, ...]:
    """What to post so that a ledger of the `old` balances becomes one of the `new`."""
    return legs_of({key: new.get(key, 0) - old.get(key, 0) for key in sorted(old.keys() | new.keys())})
