"""What is told of a ticket: when it is opened, and each thing done with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.events.feedback import ClaimReason, Outcome, Priority, TicketEvent, TicketKind
from common.values.people import is_named_alike
from feedback.tickets.compensation import Claim

PRIORITIES: tuple[Priority, ...] = ("urgent", "high", "normal")
"""First served first."""
Done = Literal[
    "answer",
    "ask",
    "customer_said",
    "note",
    "assign",
    "prioritise",
    "promise",
    "promise_kept",
    "resolve",
    "reopen",
    "rate",
    "compensate",
    "approve",
    "refuse",
    "check",
]
OWN_ENTRIES = ("opened", "overdue-", "survey-", "message-", "away-")
"""How the ids of those entries begin that are made here."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the customer: the tier by id and name, empty: unknown; the buyer type; whether the tier returns
    and exchanges goods for free."""

    tier: tuple[str, ...] = ()
    buyer_type: str | None = None
    free_return: bool = False
    free_returns_left: int | None = None
    """Of a quota; None: there is none."""


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What is told of a ticket when it is opened."""

    ticket_id: str
    kind: TicketKind
    source: str | None = None
    order_id: str | None = None
    sku: str | None = None
    text: str | None = None
    photos: tuple[str, ...] = ()
    owner: str | None = None
    by: str | None = None
    priority: Priority | None = None
    """None: by the customer's tier."""
    reason: ClaimReason | None = None
    claim: Claim | None = None
    """What the customer asks for (FBK-030)."""

    def says_the_same(self, ticket: TicketEvent) -> bool:
        """Whether the ticket that was opened is this one."""
        told = ("ticket_id", "kind", "source", "order_id", "sku", "text", "photos", "reason")
        given = ticket.compensation
        claim = None if given is None else Claim(given.kind, given.amount, given.currency)
        return claim == self.claim and all(getattr(self, name) == getattr(ticket, name) for name in told)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done with a ticket; what belongs to another action is None."""

    entry_id: str
    action: Done
    by: str | None = None
    text: str | None = None
    owner: str | None = None
    priority: Priority | None = None
    promised_by: datetime | None = None
    outcome: Outcome | None = None
    stars: int | None = None
    photos: tuple[str, ...] = ()
    claim: Claim | None = None
    item: str | None = None
    source: str | None = None
    """Of `customer_said`: the channel."""

    def says_the_same(self, was: TicketEvent, *, erased: bool) -> bool:
        """Whether the entry that left the ticket as `was` is this one; of an erased customer texts are gone."""
        entry = was.entry
        if (entry.action, entry.source) != (self.action, self.source) or not is_named_alike(entry.by, self.by):
            return False
        if not erased and entry.text != self.text:
            return False
        given = was.compensation
        match self.action:
            case "assign":
                return was.owner == self.owner
            case "prioritise":
                return was.priority == (self.priority or was.priority)
            case "promise":
                return was.promise is not None and was.promise.by == self.promised_by
            case "resolve":
                return was.outcome == (self.outcome or "solved")
            case "rate":
                return was.rating == self.stars
            case "customer_said":
                return erased or set(self.photos) <= set(was.photos)
            case "compensate":
                return given is not None and self.claim == Claim(given.kind, given.amount, given.currency)
            case "check":
                return any(point.item_id == self.item and point.done_at is not None for point in was.checklist)
            case _:
                return True
