"""Double entry: the legs of one cause in one book sum to zero, and nothing posted is ever changed.

One journal holds two books that never meet. `points`: on the member's side stand `pending` and `available` (by lot,
what the shop owes) and `debt` (below zero: what the member owes); on the shop's side `issued` (below zero), `redeemed`,
`expired` and `reversed`. `growth`: `growth` is the member's, by what earned it; `granted` is the shop's side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import orjson

from common.values.light import light_dataclass

Book = Literal["points", "growth"]
BOOKS: tuple[Book, ...] = ("points", "growth")
Account = Literal["pending", "available", "debt", "issued", "redeemed", "expired", "reversed", "growth", "granted"]
_ACCOUNTS: frozenset[str] = frozenset(get_args(Account))
_TOO_MUCH = 9 * 10**18
"""No leg comes to it. The view `ledger_legs` has this bound, and the accounts, too."""
GROWTH_ACCOUNTS: tuple[Account, ...] = ("growth", "granted")
"""Those of the book `growth`; all others are of `points`."""
Balances = dict[tuple[Account, str], int]
"""By account and by what the amount was earned by, which is empty on accounts without lots."""
StoredLeg = tuple[Account, str, int]
"""A leg as it is read back: account, what it was earned by, amount."""


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


def add(balances: Balances, account: Account, earned_by: str, amount: int) -> None:
    """Move a balance, which may come to 0."""
    balances[account, earned_by] = balances.get((account, earned_by), 0) + amount


def without_zeros(balances: Balances) -> Balances:
    return {key: amount for key, amount in balances.items() if amount}


def dump_legs(legs: Iterable[Leg]) -> str:
    """The legs as an entry of the ledger keeps them: a JSON array of arrays."""
    return orjson.dumps([(leg.account, leg.earned_by, leg.amount) for leg in legs]).decode()


def load_legs(kept: str) -> list[StoredLeg]:
    legs: list[StoredLeg] = orjson.loads(kept)
    return legs


def checked_legs(kept: str) -> list[StoredLeg] | None:
    """As `load_legs`, of an entry that may be damaged: None where what is kept is not what is ever posted."""
    try:
        legs: Any = orjson.loads(kept)
    except orjson.JSONDecodeError:
        return None
    return legs if isinstance(legs, list) and all(map(_is_leg, legs)) else None


def _is_leg(leg: object) -> bool:
    match leg:
        case [str(account), str(earned_by), int(amount)]:
            known = account in _ACCOUNTS and "\0" not in earned_by
            return known and not isinstance(amount, bool) and abs(amount) < _TOO_MUCH
    return False


def difference(old: Balances, new: Balances) -> tuple[Leg, ...]:
    """What to post so that a ledger of the `old` balances becomes one of the `new`."""
    return legs_of({key: new.get(key, 0) - old.get(key, 0) for key in sorted(old.keys() | new.keys())})
