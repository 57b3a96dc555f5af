"""Tickets as they are told over HTTP: what is ordered, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.feedback import (
    MOST_PHOTOS,
    ClaimReason,
    CompensationKind,
    CompensationState,
    ContentKind,
    NotByRule,
    Outcome,
    Overdue,
    Priority,
    Stars,
    TicketAction,
    TicketEvent,
    TicketKind,
    TicketState,
    check_photo,
)
from common.events.fields import MAX_PERSONAL, Count, Currency, Identifier, Minor, PlannedTime, Text
from common.http.api import Body
from common.http.staff import Staff
from common.values.names import READ, check_seen
from feedback.tickets.compensation import Claim
from feedback.tickets.told import OWN_ENTRIES, Done

MOST_CHARACTERS = 4_000
Words = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Photo = Annotated[str, AfterValidator(check_photo), Field(max_length=MAX_PERSONAL)]
_NEEDS = {
    "answer": "text",
    "ask": "text",
    "customer_said": "text",
    "note": "text",
    "assign": "owner",
    "prioritise": "priority",
    "promise": "promised_by",
    "rate": "stars",
    "compensate": "claim",
    "approve": "by",
    "refuse": "by",
    "check": "item",
}
"""What an action cannot do without."""
_TOLD = ("answer", "ask", "promise")
"""Actions whose text the customer is told."""


class ClaimIn(Body):
    """What is asked for, worth `amount` in minor units: money back, the goods again, points or a coupon."""

    kind: CompensationKind = "refund"
    amount: Annotated[Minor, Field(gt=0)]
    currency: Currency


class TicketIn(Body):
    """A ticket to open; `ticket_id` is the caller's own and makes a repetition harmless.

    `claim`: what the customer asks for. With a photo it is granted at once within the shop's limit, and nothing is sent
    back; without one the ticket waits for the photo (`customer_said` with `photos`) (FBK-030, FBK-040).

    `priority` absent: by the customer's tier. `by`: the person who opened it, absent: the customer. No photo is
    fetched.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket_id": "chat-7731",
                    "customer": "ann",
                    "kind": "quality",
                    "order_id": "1001",
                    "text": "Half of the tea tastes of smoke.",
                    "source": "chat",
                }
            ]
        }
    )
    ticket_id: Identifier
    customer: Identifier
    kind: TicketKind = "complaint"
    order_id: Identifier | None = None
    sku: Text | None = None
    text: Words | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    source: Text | None = None
    owner: Text | None = None
    by: Staff | None = None
    priority: Priority | None = None
    reason: ClaimReason | None = Field(None, description="of a claim: what is wrong with the goods")
    claim: ClaimIn | None = None

    @model_validator(mode="after")
    def _claim_complete(self) -> TicketIn:
        if self.claim is not None and (self.reason is None or self.order_id is None):
            raise ValueError("a claim needs `reason` and `order_id`")
        return self


class EntryIn(Body):
    """Something to be done with a ticket; `entry_id` is the caller's own and makes a repetition harmless.

    `answer` and `ask` say what the customer is told, `customer_said` what the customer wrote, `note` is for colleagues.
    `revision`: the one that the caller has read; another one by now is answered 409.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entry_id": "e-2",
                    "action": "promise",
                    "by": "li.wei",
                    "text": "A new packet, sent today",
                    "promised_by": "2030-03-05T18:00:00+08:00",
                }
            ]
        }
    )
    entry_id: Identifier
    action: Done
    by: Staff | None = None
    text: Words | None = Field(None, description=f"of {', '.join(f'`{each}`' for each in _TOLD)}: {READ}")
    owner: Text | None = Field(None, description="of `assign`")
    priority: Priority | None = Field(None, description="of `prioritise`")
    promised_by: PlannedTime | None = Field(None, description="of `promise`: until when")
    outcome: Outcome | None = Field(None, description="of `resolve`; absent: solved")
    stars: Stars | None = Field(None, description="of `rate`: the customer's judgement of the resolution")
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = Field((), description="of `customer_said`")
    claim: ClaimIn | None = Field(None, description="of `compensate`: granted up to the agent's limit, else proposed")
    item: Identifier | None = Field(None, description="of `check`: the point of the checklist that was done")
    source: Text | None = Field(None, description="of `customer_said`: the channel, such as `chat`")
    revision: Count | None = None

    @model_validator(mode="after")
    def _complete(self) -> EntryIn:
        if self.entry_id.startswith(OWN_ENTRIES):
            raise ValueError(f"`entry_id` begins otherwise than {', '.join(OWN_ENTRIES)}: such entries are made here")
        needed = _NEEDS.get(self.action)
        if self.action == "customer_said" and self.photos:
            needed = None
        if self.source is not None and self.action != "customer_said":
            raise ValueError("`source` is of what the customer said alone")
        if self.action == "compensate" and self.by is None:
            raise ValueError("the action 'compensate' needs `by`")
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"the action {self.action!r} needs `{needed}`")
        if self.action in _TOLD and self.text is not None:
            check_seen(self.text)
        return self


class PromiseOut(BaseModel):
    what: str | None = None
    by: datetime
    kept_at: datetime | None = None


class CompensationOut(BaseModel):
    """`claimed`: a photo is missing; `proposed`: a person, another than `proposed_by`, has yet to approve it; a claim
    that nobody proposed one person may approve, within the agent's limit. `photo_seen`: one of the photos came with
    another ticket of the shop before. `not_by_rule`: why the shop's rule did not grant the claim, all that was so.
    `automatic`: the rule granted it; `decided_by` is then who of the shop told the claim or its photo."""

    kind: CompensationKind
    amount: int
    currency: str
    state: CompensationState
    proposed_by: str | None
    decided_by: str | None
    decided_at: datetime | None
    automatic: bool
    without_return: bool
    photo_seen: bool
    not_by_rule: list[NotByRule]


class PointOut(BaseModel):
    """A point of the checklist; the required ones are done before the ticket can be resolved as solved."""

    item_id: str
    words: str
    required: bool
    done_by: str | None
    done_at: datetime | None


class AwayOut(BaseModel):
    """What the customer was answered by itself, out of service hours, and until when nobody is there."""

    text: str
    until: datetime


class TicketOut(BaseModel):
    """A ticket as it stands. `text` is null, and `photos` empty, where there are none or the customer was erased.

    `overdue`: its dues that passed unmet; `revision` counts what was done with it. `free_return`: of a return or an
    exchange, whether the customer's tier had it for free when it was opened (FBK-031); null of other kinds.
    `free_returns_left`: of a quota of the tier's, with this one; null where there is none.
    `away`: the last answer that was given by itself out of service hours, `acknowledged`: that to a suggestion; for the
    customer to read (FBK-035, FBK-009).
    """

    ticket_id: str
    customer: str
    kind: TicketKind
    state: TicketState
    priority: Priority
    source: str | None
    order_id: str | None
    sku: str | None
    text: str | None
    photos: list[str]
    owner: str | None
    opened_at: datetime
    respond_by: datetime
    resolve_by: datetime
    answered_at: datetime | None
    resolved_at: datetime | None
    answers: int
    reopened: int
    promise: PromiseOut | None
    overdue: list[Overdue]
    outcome: Outcome | None
    rating: int | None
    pauses_marketing: bool
    free_return: bool | None
    free_returns_left: int | None
    reason: ClaimReason | None
    compensation: CompensationOut | None
    checklist: list[PointOut]
    away: AwayOut | None
    acknowledged: str | None
    revision: int


class EntryOut(BaseModel):
    """`by` is null where the customer did it, or the service when something fell due. `source`: of what the customer
    said, the channel (FBK-001)."""

    revision: int
    entry_id: str
    action: TicketAction
    by: str | None
    text: str | None
    source: str | None
    at: datetime


class ArticleOut(BaseModel):
    """Of the shop's library: a tutorial, a test, what is in the product, a guarantee."""

    content_id: str
    kind: ContentKind
    title: str
    link: str


class WholeTicketOut(TicketOut):
    """`articles`: what the shop's library holds of the ticket's product, the best first (FBK-039)."""

    entries: list[EntryOut]
    articles: list[ArticleOut]


class TicketPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[TicketOut]
    after: str | None


def claim_of(told: ClaimIn | None) -> Claim | None:
    return None if told is None else Claim(told.kind, told.amount, told.currency)


_MADE = ("customer", "promise", "compensation", "checklist", "away")


def ticket_out(customer: str, ticket: TicketEvent) -> TicketOut:
    told = {name: getattr(ticket, name) for name in TicketOut.model_fields if name not in _MADE}
    promise, given = ticket.promise, ticket.compensation
    return TicketOut(
        **told | {"photos": list(ticket.photos), "overdue": list(ticket.overdue)},
        customer=customer,
        promise=PromiseOut(what=promise.what, by=promise.by, kept_at=promise.kept_at) if promise else None,
        compensation=CompensationOut(**given.model_dump()) if given else None,
        checklist=[PointOut(**point.model_dump()) for point in ticket.checklist],
        away=AwayOut(**ticket.away.model_dump()) if ticket.away else None,
    )
