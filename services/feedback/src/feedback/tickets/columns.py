"""The columns beside a ticket's body, by which tickets are listed, counted and found due."""

from __future__ import annotations

from typing import Any

from common.events.feedback import TicketEvent
from feedback.tickets.compensation import is_alone
from feedback.tickets.rules import next_due
from feedback.tickets.told import PRIORITIES

COLUMNS = (
    *("kind", "state", "priority", "owner", "order_id", "opened_at", "answered_at", "resolved_at"),
    *("answers", "reopened", "overdue", "next_by", "due_at", "compensation", "automatic_at", "alone_at"),
)


def columns_of(ticket: TicketEvent) -> tuple[Any, ...]:
    """What the columns beside `body` say, in their order."""
    due, given = next_due(ticket), ticket.compensation
    next_by = ticket.respond_by if ticket.answered_at is None else ticket.resolve_by
    return (
        ticket.kind,
        ticket.state,
        PRIORITIES.index(ticket.priority),
        ticket.owner,
        ticket.order_id,
        ticket.opened_at,
        ticket.answered_at,
        ticket.resolved_at,
        ticket.answers,
        ticket.reopened,
        bool(ticket.overdue),
        None if ticket.state == "resolved" else next_by,
        due[0] if due else None,
        given.state if given else None,
        given.decided_at if given and given.automatic else None,
        given.decided_at if given and is_alone(given) else None,
    )
