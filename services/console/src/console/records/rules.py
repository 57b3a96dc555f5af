"""Whether a budget item needs a second person, what is left of it, and how much was spent; pure (ANA-052, XCT-009)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from console.records.state import Record

IN_FORCE, ASKED, REFUSED, ENDED = "in_force", "asked", "refused", "ended"


class Spent(NamedTuple):
    """Of a budget item, in minor units; `approved`: what may be spent, 0 while it waits."""

    planned: int
    approved: int
    spent: int

    @property
    def left(self) -> int:
        return self.approved - self.spent


def state_of_item(amount: int, approved: int, limit: int | None) -> str:
    """The state of a new version of a budget item.

    An amount that was approved before, or is within the standard of its kind, needs nobody; `limit` None: no standard.
    """
    return IN_FORCE if amount <= max(approved, limit if limit is not None else 0) else ASKED


def approved_of(versions: Iterable[Record], amount: str) -> int:
    """What the newest version in force allows, of versions newest first; 0 where none is, or the item has ended."""
    for version in versions:
        if version.state == ENDED:
            return 0
        if version.state == IN_FORCE:
            return int(version.fields[amount])
    return 0


def spent_on(payments: Iterable[Record], item: str) -> int:
    """Payments for the item, those that were taken back left out."""
    return sum(int(p.fields["amount"]) for p in payments if p.fields["item"] == item and p.state != ENDED)
