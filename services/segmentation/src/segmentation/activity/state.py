"""Activity of a customer, counted: kinds, days, categories, and the first and last instant of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from common.events.activity import (
    Activity,
    CartUpdated,
    ChatEnded,
    CheckoutInterrupted,
    ProductFavourited,
    ProductSearched,
    ProductViewed,
)

KINDS: tuple[type[Activity], ...] = (
    ProductViewed,
    ProductSearched,
    ProductFavourited,
    CartUpdated,
    CheckoutInterrupted,
    ChatEnded,
)


@dataclass(slots=True)
class Counted:
    """So many activities, the earliest and the latest of them; two of these add up in any order."""

    count: int
    first_at: datetime
    last_at: datetime

    def add(self, at: datetime) -> None:
        self.count += 1
        self.first_at = min(self.first_at, at)
        self.last_at = max(self.last_at, at)


Rollup = tuple[date, str, str]
"""A day of the shop, the type of the event, and the category of what it concerned, '' where the event says none."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How often a category was looked at on a day of the shop, and how many checkouts with it were broken off.

    `category` None: the events said none.
    """

    category: str | None
    day: date
    looks: int
    broken_off: int
