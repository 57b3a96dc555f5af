"""A member's statement: what each cause did to the points, by a kind and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal[
    "pending", "released", "earned", "redeemed", "returned", "expired", "taken_back", "settled", "corrected", "closed"
]
_OF_LOT = {
    "check-in": "check-ins",
    "adjustment": "a change by hand",
    "compensation": "compensation",
    "reward": "a review's reward",
}


class Sums(NamedTuple):
    """What one cause moved, by account; `lots`: those of the member's side that it touched."""

    pending: int = 0
    available: int = 0
    debt: int = 0
    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    lots: Sequence[str] = ()
    correction: bool = False


def kind_of(sums: Sums) -> Kind:
    """What happened, as the shop's side of the ledger says it; a correction by late news may be several things."""
    if sums.correction:
        return "corrected"
    if sums.redeemed:
        return "redeemed" if sums.redeemed > 0 else "returned"
    if sums.expired:
        return "expired"
    if sums.reversed:
        return "closed" if not sums.available and not sums.debt else "taken_back"
    if sums.pending:
        return "pending" if sums.pending > 0 else "released"
    return "earned" if sums.issued else "settled"


def words_of(sums: Sums) -> str:
    """One sentence for staff: how many points, what became of them, and what they are of."""
    change, of = sums.available + sums.debt, _of(sums.lots)
    match kind_of(sums):
        case "pending":
            return f"{sums.pending} points{of} are pending until it completes."
        case "released":
            return f"{change} points{of} became available."
        case "earned":
            return f"{change} points{of} were added."
        case "redeemed":
            return f"{sums.redeemed} points were redeemed."
        case "returned":
            return f"{-sums.redeemed} redeemed points came back."
        case "expired":
            return f"{sums.expired} points{of} expired."
        case "closed":
            return f"{sums.reversed} pending points{of} fell away."
        case "taken_back":
            owed = f", {-sums.debt} of them as debt" if sums.debt < 0 else ""
            return f"{sums.reversed} points were taken back{owed}."
        case "corrected":
            return f"Late news changed what is available by {change:+} and what is pending by {sums.pending:+}."
    return "Points settled a debt."


def _of(lots: Sequence[str]) -> str:
    """What points of these lots are of; empty where they are of several things."""
    names = {_origin(lot) for lot in lots if lot}
    return f" of {names.pop()}" if len(names) == 1 else ""


def _origin(lot: str) -> str:
    order, _, other = lot.partition("|")
    if order:
        return f"order {order}"
    return _OF_LOT.get(other.partition("/")[0], "points given back")
