"""The book of points while one cause is at work: every movement changes the state and leaves its legs."""

from __future__ import annotations

from membership.ledger.legs import Account, Balances
from membership.points.state import Points


class Books:
    """The member's points, and `legs` into which movements are entered."""

    def __init__(self, state: Points, legs: Balances) -> None:
        self.state = state
        self._legs = legs

    def move(self, points: int, source: tuple[Account, str], target: tuple[Account, str]) -> None:
        """Take points from one account and put them into another; a lot that is emptied by it is forgotten."""
        if points:
            self._enter(*source, -points)
            self._enter(*target, points)
            lots, name = self.state.lots, source[1]
            if name in lots and not lots[name].pending and not lots[name].available:
                del lots[name]

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


def balances(state: Points) -> Balances:
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
