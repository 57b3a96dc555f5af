"""Tickets: complaints and questions, promises, claims and what was granted."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.feedback.photos import MOST_PHOTOS, Photo
from common.events.feedback.reviews import Stars
from common.events.fields import (
    Count,
    Currency,
    Identifier,
    Instant,
    Minor,
    PersonalText,
    Revision,
    Text,
)

MOST_ITEMS = 30
"""Of a ticket's checklist."""


TicketKind = Literal["complaint", "quality", "return", "exchange", "delivery", "question", "suggestion"]
Priority = Literal["urgent", "high", "normal"]
TicketState = Literal["open", "in_progress", "waiting", "resolved"]
"""`open`: nobody has answered yet. `waiting`: the customer was asked for something."""
TicketAction = Literal[
    "opened",
    "answer",
    "ask",
    "customer_said",
    "note",
    "assign",
    "prioritise",
    "promise",
    "promise_kept",
    "overdue",
    "resolve",
    "reopen",
    "rate",
    "compensate",
    "approve",
    "refuse",
    "check",
    "auto_answer",
]
Overdue = Literal["response", "resolution", "promise"]
Outcome = Literal["solved", "refunded", "replaced", "explained", "rejected", "withdrawn"]


ClaimReason = Literal["rotten", "not_fresh", "damaged", "defect", "missing", "wrong_item", "other"]
CompensationKind = Literal["refund", "reship", "points", "coupon"]
CompensationState = Literal["claimed", "proposed", "granted", "refused"]
"""`claimed`: a photo is missing. `proposed`: somebody has yet to approve it, another person than who proposed it."""


NotByRule = Literal[
    "kind",
    "no_order",
    "currency",
    "above_limit",
    "above_paid",
    "not_come",
    "too_late",
    "too_many",
    "order_compensated",
    "photo_seen",
    "photo_not_kept",
]
"""Why the shop's rule did not grant a claim: points and coupons are never granted by it; the order is none of the
customer's, or it or the claim is not in the shop's currency; more than the shop's limit, or than what remains paid for
the order; its goods have not come, or came too long ago; the customer was granted as much of late; the order was
compensated before; a photo came with another ticket; none is kept here, and the shop asks for that."""


class Compensation(EventData):
    """What a customer gets for what went wrong, worth `amount` (FBK-029, FBK-030); whoever pays it out reads `granted`.

    `proposed_by`: the agent, None: the customer's own claim. `automatic`: granted by the shop's rule; then `decided_by`
    is who of the shop told the claim or its photo, None: the customer did. `without_return`: the goods stay with the
    customer. `photo_seen`: one of its photos was given with another ticket of the shop before, so that a person looks
    at it. `not_by_rule`: all that kept the rule from granting the customer's claim when it was judged; it stays when a
    person decides.
    """

    kind: CompensationKind
    amount: Minor
    currency: Currency
    state: CompensationState
    proposed_by: Text | None = None
    decided_by: Text | None = None
    decided_at: Instant | None = None
    automatic: bool = False
    without_return: bool = False
    photo_seen: bool = False
    not_by_rule: Annotated[tuple[NotByRule, ...], Field(max_length=11)] = ()


class ChecklistItem(EventData):
    """A point of the shop's standard for tickets of this kind, as it stood when the ticket was opened (FBK-038)."""

    item_id: Identifier
    words: Text
    required: bool = True
    done_by: Text | None = None
    done_at: Instant | None = None


class TicketPromise(EventData):
    """What the customer was promised, and by when (FBK-028)."""

    what: PersonalText | None = None
    by: Instant
    kept_at: Instant | None = None


class TicketAway(EventData):
    """What the customer was answered by itself while nobody was there: `text`, the shop's, and when somebody is."""

    text: Text
    until: Instant


class TicketEntry(EventData):
    """What was done with a ticket; `by` is the person, None: the customer, or the service when something fell due.

    `source`: of what the customer said, the channel, as the shop calls it (FBK-001).
    """

    entry_id: Identifier
    action: TicketAction
    by: Text | None = None
    text: PersonalText | None = None
    source: Text | None = None


class TicketEvent(EventData):
    """A ticket as it stands, and the entry that made it so; the highest revision of a ticket counts (FBK-027, FBK-041).

    `respond_by`, `resolve_by`: its clocks, by the shop's policy. `overdue`: those of its dues that passed unmet.
    `answers` counts what agents told the customer. `pauses_marketing`: no marketing for the customer while it is open.
    `free_return`: of a return or an exchange, whether the customer's tier had it for free when it was opened (FBK-031),
    and what was left of a quota of the tier's. `away`: the last answer that was given by itself out of service hours
    (FBK-035). `acknowledged`: what a customer was told at once of a suggestion (FBK-009).
    """

    TOPIC: ClassVar[str] = "feedback"
    ticket_id: Identifier
    kind: TicketKind
    state: TicketState
    priority: Priority
    source: Text | None = None
    order_id: Identifier | None = None
    sku: Text | None = None
    text: PersonalText | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    owner: Text | None = None
    opened_at: Instant
    respond_by: Instant
    resolve_by: Instant
    answered_at: Instant | None = None
    resolved_at: Instant | None = None
    answers: Count = 0
    reopened: Count = 0
    reopened_at: Instant | None = None
    promise: TicketPromise | None = None
    overdue: tuple[Overdue, ...] = ()
    outcome: Outcome | None = None
    rating: Stars | None = None
    pauses_marketing: bool = False
    free_return: bool | None = None
    free_returns_left: Count | None = None
    reason: ClaimReason | None = None
    compensation: Compensation | None = None
    checklist: Annotated[tuple[ChecklistItem, ...], Field(max_length=MOST_ITEMS)] = ()
    away: TicketAway | None = None
    acknowledged: Text | None = None
    entry: TicketEntry
    revision: Revision = 0


class ComplaintOpened(TicketEvent):
    TYPE: ClassVar[str] = "complaint.opened"
    RANK: ClassVar[int] = 330


class ComplaintChanged(TicketEvent):
    """Anything but its opening, its end and its opening again."""

    TYPE: ClassVar[str] = "complaint.changed"
    RANK: ClassVar[int] = 331


class ComplaintResolved(TicketEvent):
    TYPE: ClassVar[str] = "complaint.resolved"
    RANK: ClassVar[int] = 332


class ComplaintReopened(TicketEvent):
    TYPE: ClassVar[str] = "complaint.reopened"
    RANK: ClassVar[int] = 333
