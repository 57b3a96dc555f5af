"""The ledger of points, in double entry: each cause's legs sum to zero, and nothing is ever changed.

There are two books that never meet: points, and growth (growth.py).

On the member's side stand `pending` and `available` (by lot, what the shop owes) and `debt` (below zero: what the
member owes); on the shop's side `issued` (below zero), `redeemed`, `expired` and `reversed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from membership.state import MemberState

Account = Literal["pending", "available", "debt", "issued", "redeemed", "expired", "reversed", "growth", "granted"]
Balances = dict[tuple[Account, str], int]


@dataclass(frozen=True, slots=True)
class Leg:
    """`amount` into (or out of) an account; `lot` is what it was earned by, empty on accounts without lots."""

    account: Account
    lot: str
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """The legs of one cause; they sum to zero."""

    legs: tuple[Leg, ...]


class Books:
    """The member's points while one cause is at work, and the legs it makes."""

    def __init__(self, state: MemberState) -> None:
        self.state = state
        self._legs: Balances = {}

    def move(self, points: int, source: tuple[Account, str], target: tuple[Account, str]) -> None:
        """Take points from one account and put them into another."""
        if points:
            self._enter(*source, -points)
            self._enter(*target, points)

    def _enter(self, account: Account, lot: str, amount: int) -> None:
        state = self.state
        self._legs[account, lot] = self._legs.get((account, lot), 0) + amount
        match account:
            case "pending":
                state.lots[lot].pending += amount
                state.pending += amount
            case "available":
                state.lots[lot].available += amount
                state.available += amount
            case "debt":
                state.debt -= amount
            case "issued":
                state.issued += amount
            case "redeemed":
                state.redeemed += amount
            case "expired":
                state.expired += amount
            case "reversed":
                state.reversed += amount

    def close(self) -> Posting | None:
        """Forget empty lots and give the legs; None when nothing moved."""
        lots = self.state.lots
        for account, lot in self._legs:
            if account in ("pending", "available") and lot in lots:
                held = lots[lot]
                if held.pending == 0 and held.available == 0:
                    del lots[lot]
        legs = legs_of(self._legs)
        return Posting(legs) if legs else None


def legs_of(moved: Balances) -> tuple[Leg, ...]:
    """A leg for whatever came to more or less than nothing."""
    return tuple(Leg(account, lot, amount) for (account, lot), amount in moved.items() if amount)


def balances(state: MemberState) -> Balances:
    """Every balance of points other than zero, by account and lot: what the sums of the ledger must be."""
    found: Balances = {}
    for name, lot in state.lots.items():
        found["pending", name] = lot.pending
        found["available", name] = lot.available
    found["debt", ""] = -state.debt
    found["issued", ""] = state.issued
    found["redeemed", ""] = state.redeemed
    found["expired", ""] = state.expired
    found["reversed", ""] = state.reversed
    return {key: amount for key, amount in found.items() if amount}


def difference(old: Balances, new: Balances) -> tuple[Leg, ...]:
    """What to post so that a ledger of the `old` balances becomes one of the `new`."""
    return legs_of({key: new.get(key, 0) - old.get(key, 0) for key in sorted(old.keys() | new.keys())})
