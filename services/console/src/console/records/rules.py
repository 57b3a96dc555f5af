"""Whether a budget item needs a second person, and what is left of it; pure (ANA-052, XCT-009)."""

from __future__ import annotations

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


def approved_of(deciding: Record | None, amount: str) -> int:
    """What the newest version that is in force or ended allows; 0 where none is, or the item has ended."""
    return int(deciding.fields[amount]) if deciding is not None and deciding.state == IN_FORCE else 0
