"""Double entry: the legs of one cause in one book sum to zero, and nothing posted is ever changed.

One journal holds two books that never meet. `points`: on the member's side stand `pending` and `available` (by lot,
what the shop owes) and `debt` (below zero: what the member owes); on the shop's side `issued` (below zero), `redeemed`,
`expired` and `reversed`. `growth`: `growth` is the member's, by what earned it; `granted` is the shop's side.
"""

from __future__ import annotations

from typing import Literal

from common.values.light import light_dataclass

Book = Literal["points", "growth"]
BOOKS: tuple[Book, ...] = ("points", "growth")
Account = Literal["pending", "available", "debt", "issued", "redeemed", "expired", "reversed", "growth", "granted"]
GROWTH_ACCOUNTS: tuple[Account, ...] = ("growth", "granted")
"""Those of the book `growth`; all others are of `points`."""
Balances = dict[tuple[Account, str], int]
"""By account and by what the amount was earned by, which is empty on accounts without lots."""


@light_dataclass(frozen=True, slots=True)
class Leg:
    """`amount` into (or out of) an account; `earned_by`: the lot or what else it comes of, empty on most accounts."""

    account: Account
    earned_by: str
    amount: int


@light_dataclass(frozen=True, slots=True)
class Posting:
    """The legs of one cause in one book; they sum to zero."""

    book: Book
    legs: tuple[Leg, ...]


def book_of(account: Account) -> Book:
    return "growth" if account in GROWTH_ACCOUNTS else "points"


def legs_of(moved: Balances) -> tuple[Leg, ...]:
    """A leg for whatever came to more or less than nothing."""
    return tuple(Leg(account, earned_by, amount) for (account, earned_by), amount in moved.items() if amount)


def difference(old: Balances, new: Balances) -> tuple[Leg, ...]:
    """What to post so that a ledger of the `old` balances becomes one of the `new`."""
    return legs_of({key: new.get(key, 0) - old.get(key, 0) for key in sorted(old.keys() | new.keys())})
