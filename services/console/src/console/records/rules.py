"""Whether a budget item needs a second person, and what is left of it; pure (ANA-052, XCT-009)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from console.records.state import Record

IN_FORCE, ASKED, REFUSED, ENDED = "in_force", "asked", "refused", "ended"
PAID_AROUND = timedelta(days=366)
"""So long before an item's days, or after them, may be paid of it; more is a slip of the year."""


class Spent(NamedTuple):
    """Of a budget item, in minor units of its currency; `approved`: what may be spent, 0 while it waits.

    `others`: what was paid in other currencies, which no sum holds.
    """

    planned: int
    approved: int
    spent: int
    currency: str
    others: Mapping[str, int]

    @property
    def left(self) -> int:
        return self.approved - self.spent


def state_of_item(amount: int, approved: int, limit: int | None) -> str:
    """The state of a new version of a budget item.

    An amount that was approved before, or is within the standard of its kind, needs nobody; `limit` None: no standard.
    """
    return IN_FORCE if amount <= max(approved, limit if limit is not None else 0) else ASKED


def holds(approved: Mapping[str, object], asked: Mapping[str, object]) -> bool:
    """Whether what was approved is for what an item is to be for: its kind of expense, and days within its own."""
    same = approved["expense"] == asked["expense"]
    return same and str(approved["since"]) <= str(asked["since"]) and str(asked["until"]) <= str(approved["until"])


def may_be_paid(item: Mapping[str, object], *days: str) -> bool:
    """Whether all of these days are an item's, or within a year of them: deposits come before, bills after."""
    since, until = (date.fromisoformat(str(item[name])) for name in ("since", "until"))
    return all(since - PAID_AROUND <= date.fromisoformat(day) < until + PAID_AROUND for day in days)


def approved_of(deciding: Record | None, amount: str, currency: str) -> int:
    """What the newest version that is in force or ended allows in the currency; 0 where none is, or it has ended.

    What was approved in another currency says nothing about this one: no rate is known.
    """
    counts = deciding is not None and deciding.state == IN_FORCE and deciding.currency == currency
    return int(deciding.fields[amount]) if deciding is not None and counts else 0


def limit_of(standard: Record | None, currency: str) -> int | None:
    """What needs no second person in the currency; None where no standard of it is in force."""
    counts = standard is not None and standard.state == IN_FORCE and standard.currency == currency
    return int(standard.fields["limit"]) if standard is not None and counts else None


def spent_of(item: Record, amount: str, deciding: Record | None, paid: Mapping[str, int]) -> Spent:
    """How a budget item stands; `paid`: its payments by currency."""
    own = item.currency
    others = {currency: sum_ for currency, sum_ in sorted(paid.items()) if currency != own}
    return Spent(int(item.fields[amount]), approved_of(deciding, amount, own), paid.get(own, 0), own, others)
