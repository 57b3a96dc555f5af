"""Tickets as they are kept and counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from common.events.feedback import TicketEvent


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done with a ticket, as it was announced; texts encrypted."""

    type: str
    at: datetime
    data: TicketEvent


class Place(NamedTuple):
    """Where a ticket stands in the queue."""

    priority: int
    next_by: datetime
    ticket_id: str


class Report(NamedTuple):
    """Of tickets opened within a period, and of all that are open."""

    opened: int
    resolved: int
    first_contact: int
    reopened: int
    overdue: int
    answer_s: float | None
    resolve_s: float | None
