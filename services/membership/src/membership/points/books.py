"""The book of points while one cause is at work: every movement changes the state and leaves its legs."""

from __future__ import annotations

from membership.ledger.legs import Account, Balances
from membership.member import Member
from membership.points.lots import LotOrder
from membership.points.state import LOT, ORDER_POINTS, Points


class Books:
    """The member's points, and `legs` into which movements are entered."""

    def __init__(self, member: Member, legs: Balances) -> None:
        self.member = member
        self.state = Points.of(member)
        self.lots = LotOrder.of(member)
        self._legs = legs

    def move(self, points: int, source: tuple[Account, str], target: tuple[Account, str]) -> None:
        """Take points from one account and put them into another; a lot that is emptied by it is forgotten."""
        if points:
            self._enter(*source, -points)
            self._enter(*target, points)
            if source[0] == "available" and not LOT.change(self.member, source[1]).available:
                LOT.remove(self.member, source[1])

    def _enter(self, account: Account, lot: str, amount: int) -> None:
        state = self.state
        self._legs[account, lot] = self._legs.get((account, lot), 0) + amount
        match account:
            case "pending":
                ORDER_POINTS.change(self.member, lot).pending += amount
                state.pending += amount
            case "available":
                LOT.change(self.member, lot).available += amount
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


def balances(member: Member) -> Balances:
    """Every balance of points other than zero, by account and lot: what the sums of the ledger must be."""
    state, found = Points.of(member), Balances()
    for name, points in ORDER_POINTS.all(member):
        found["pending", name] = points.pending
    for name, lot in LOT.all(member):
        found["available", name] = lot.available
    found["debt", ""] = -state.debt
    found["issued", ""] = state.issued
    found["redeemed", ""] = state.redeemed
    found["expired", ""] = state.expired
    found["reversed", ""] = state.reversed
    return {key: amount for key, amount in found.items() if amount}
