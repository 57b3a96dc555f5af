"""What is known of a customer that surveys may follow from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Ended(NamedTuple):
    """An order that was completed, or a ticket that was resolved; `reopened`: how often the ticket was before."""

    id: str
    at: datetime
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What surveys follow from: completed orders that count, and the ticket that was resolved last and still is.

    `orders`: the latest with those of a span before it, soonest first.
    """

    first: Ended | None = None
    orders: tuple[Ended, ...] = ()
    ticket: Ended | None = None
    erased: bool = False


class Turn(NamedTuple):
    """When a customer is looked at next, and up to which due time occasions were taken or passed over."""

    due_at: datetime | None
    taken_until: datetime | None
