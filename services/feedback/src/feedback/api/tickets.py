"""Tickets: opened by the shop's systems, worked on by its agents, listed as their queue (FBK-027 to FBK-041)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.crypto.keys import KeyRing
from common.events.feedback import (
    MOST_PHOTOS,
    ClaimReason,
    CompensationKind,
    CompensationState,
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
from common.events.fields import (
    MAX_PERSONAL,
    Count,
    Currency,
    Cursor,
    Identifier,
    Instant,
    Minor,
    PlannedTime,
    ShopName,
    Text,
)
from common.http.api import Body, Router, Tx, require
from common.http.people import identifiers_of
from common.refusals import Invalid
from feedback.commands import tickets as command
from feedback.tickets import store
from feedback.tickets.compensation import Claim
from feedback.tickets.refusals import UnknownTicket
from feedback.tickets.rules import OWN_ENTRIES, PRIORITIES, Done, NewTicket, Step
from feedback.tickets.state import Place

router = Router(prefix="/v1/shops/{shop}", tags=["tickets"])
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
    by: Text | None = None
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
    by: Text | None = None
    text: Words | None = None
    owner: Text | None = Field(None, description="of `assign`")
    priority: Priority | None = Field(None, description="of `prioritise`")
    promised_by: PlannedTime | None = Field(None, description="of `promise`: until when")
    outcome: Outcome | None = Field(None, description="of `resolve`; absent: solved")
    stars: Stars | None = Field(None, description="of `rate`: the customer's judgement of the resolution")
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = Field((), description="of `customer_said`")
    claim: ClaimIn | None = Field(None, description="of `compensate`: granted up to the agent's limit, else proposed")
    item: Identifier | None = Field(None, description="of `check`: the point of the checklist that was done")
    revision: Count | None = None

    @model_validator(mode="after")
    def _complete(self) -> EntryIn:
        if self.entry_id.startswith(OWN_ENTRIES):
            raise ValueError(f"`entry_id` begins otherwise than {', '.join(OWN_ENTRIES)}: such entries are made here")
        needed = _NEEDS.get(self.action)
        if self.action == "customer_said" and self.photos:
            needed = None
        if self.action == "compensate" and self.by is None:
            raise ValueError("the action 'compensate' needs `by`")
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"the action {self.action!r} needs `{needed}`")
        return self


class PromiseOut(BaseModel):
    what: str | None = None
    by: datetime
    kept_at: datetime | None = None


class CompensationOut(BaseModel):
    """`claimed`: a photo is missing; `proposed`: a person, another than `proposed_by`, has yet to approve it.
    `photo_seen`: one of the photos came with another ticket of the shop before."""

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


class PointOut(BaseModel):
    """A point of the checklist; the required ones are done before the ticket can be resolved as solved."""

    item_id: str
    words: str
    required: bool
    done_by: str | None
    done_at: datetime | None


class TicketOut(BaseModel):
    """A ticket as it stands. `text` is null, and `photos` empty, where there are none or the customer was erased.

    `overdue`: its dues that passed unmet; `revision` counts what was done with it.
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
    reason: ClaimReason | None
    compensation: CompensationOut | None
    checklist: list[PointOut]
    revision: int


class EntryOut(BaseModel):
    """`by` is null where the customer did it, or the service when something fell due."""

    revision: int
    entry_id: str
    action: TicketAction
    by: str | None
    text: str | None
    at: datetime


class WholeTicketOut(TicketOut):
    entries: list[EntryOut]


class TicketPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[TicketOut]
    after: str | None


class OpenOut(BaseModel):
    priority: Priority
    state: TicketState
    tickets: int
    overdue: int


class TicketReportOut(BaseModel):
    """Of tickets opened from `since` to `until` (exclusive). Medians in seconds; null where there are none.

    `first_contact_share`: of the resolved ones, those that took one answer at most and were not opened again.
    """

    since: datetime
    until: datetime
    opened: int
    resolved: int
    reopened: int
    overdue: int
    first_contact_share: float | None
    median_answer_s: float | None
    median_resolve_s: float | None
    open_now: list[OpenOut]


class InvalidCursor(Invalid):
    """The text is no `after` that a page named."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", "`after` must be the one that the page before named.")


@router.post("/tickets", status_code=201, dependencies=[require("feedback:write")])
async def post_ticket(shop: ShopName, body: TicketIn, request: Request, response: Response, tx: Tx) -> TicketOut:
    """Open a ticket; 201 when it is new, 200 when the very same was opened before."""
    fields = body.model_dump(exclude={"customer"}) | {"photos": body.photos, "claim": _claim(body.claim)}
    done = await command.open_one(tx, _keys(request), (shop, body.customer), NewTicket(**fields), tx.clock.now())
    response.status_code = 201 if done.new else 200
    return _out(body.customer, done.ticket)


@router.post("/tickets/{ticket_id}/entries", status_code=201, dependencies=[require("feedback:write")])
async def post_entry(
    shop: ShopName, ticket_id: Identifier, body: EntryIn, request: Request, response: Response, tx: Tx
) -> TicketOut:
    """Do something with a ticket; 201 when it is new, 200 when the very same was done before."""
    step = Step(**body.model_dump(exclude={"revision"}) | {"photos": body.photos, "claim": _claim(body.claim)})
    done = await command.do(tx, _keys(request), shop, ticket_id, step, body.revision)
    response.status_code = 201 if done.new else 200
    return _out(await _customer(tx, shop, ticket_id), done.ticket)


@router.get("/tickets", dependencies=[require("feedback:read")])
async def list_tickets(
    shop: ShopName,
    request: Request,
    tx: Tx,
    customer: Annotated[
        Identifier | None, Query(description="all of this customer's, by id, resolved ones too")
    ] = None,
    owner: Annotated[Text | None, Query(description="of the queue, those of this owner")] = None,
    overdue: Annotated[bool, Query(description="of the queue, those of which a due passed unmet")] = False,
    to_approve: Annotated[bool, Query(description="of the queue, those with a compensation to decide on")] = False,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TicketPage:
    """The queue of open tickets: by priority, then by what is due first; or a customer's tickets (FBK-032, FBK-034)."""
    if customer is not None:
        people = await identifiers_of(tx, shop, customer)
        rows = await store.list_customers_tickets(tx, shop, people, after, limit + 1)
    else:
        place = _place(after) if after else None
        rows = await store.list_queue(tx, shop, place, limit + 1, owner=owner, overdue=overdue, to_approve=to_approve)
    stored = [((shop, row.customer), TicketEvent.model_validate_json(row.body)) for row in rows[:limit]]
    tickets = await command.readable_all(tx, _keys(request), stored)
    items = [_out(row.customer, ticket) for row, ticket in zip(rows, tickets, strict=False)]
    if len(rows) <= limit:
        return TicketPage(items=items, after=None)
    last = rows[limit - 1]
    if customer is not None:
        return TicketPage(items=items, after=items[-1].ticket_id)
    return TicketPage(items=items, after=f"{last.priority} {last.next_by.isoformat()} {items[-1].ticket_id}")


@router.get("/tickets/{ticket_id}", dependencies=[require("feedback:read")])
async def get_ticket(shop: ShopName, ticket_id: Identifier, request: Request, tx: Tx) -> WholeTicketOut:
    """A ticket with everything that was done with it, oldest first."""
    customer = await _customer(tx, shop, ticket_id)
    entries = await store.list_entries_of(tx, [(shop, customer)], ticket_id)
    tickets = await command.readable_all(tx, _keys(request), [(key, entry.data) for key, entry in entries])
    seen = list(zip((entry.at for _, entry in entries), tickets, strict=True))
    return WholeTicketOut(
        **dict(_out(customer, seen[-1][1])),
        entries=[EntryOut(revision=ticket.revision, at=at, **ticket.entry.model_dump()) for at, ticket in seen],
    )


@router.get("/ticket-report", dependencies=[require("feedback:read")])
async def get_ticket_report(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant | None, Query(description="absent: 30 days before `until`")] = None,
    until: Annotated[Instant | None, Query(description="absent: now")] = None,
) -> TicketReportOut:
    """How quickly customers are answered and helped, and what is open now (FBK-027, FBK-028)."""
    to = until or tx.clock.now()
    try:
        begin = since or to - timedelta(days=30)
    except OverflowError:
        raise EmptyPeriod from None
    if begin >= to:
        raise EmptyPeriod
    found = await store.get_report(tx, shop, begin, to)
    return TicketReportOut(
        since=begin,
        until=to,
        opened=found.opened,
        resolved=found.resolved,
        reopened=found.reopened,
        overdue=found.overdue,
        first_contact_share=round(found.first_contact / found.resolved, 4) if found.resolved else None,
        median_answer_s=found.answer_s,
        median_resolve_s=found.resolve_s,
        open_now=[
            OpenOut(priority=PRIORITIES[r.priority], state=r.state, tickets=r.tickets, overdue=r.overdue)
            for r in await store.count_open(tx, shop)
        ],
    )


async def _customer(tx: Tx, shop: str, ticket_id: str) -> str:
    found = await store.get_customer(tx, shop, ticket_id)
    if found is None:
        raise UnknownTicket(ticket_id)
    return found


def _keys(request: Request) -> KeyRing:
    keys: KeyRing = request.app.state.runtime.keys
    return keys


def _claim(told: ClaimIn | None) -> Claim | None:
    return None if told is None else Claim(told.kind, told.amount, told.currency)


class EmptyPeriod(Invalid):
    """There is no time between the two."""

    def __init__(self) -> None:
        super().__init__("empty_period", "`since` must be before `until`; absent: 30 days before it.")


def _place(after: str) -> Place:
    priority, _, rest = after.partition(" ")
    at, _, ticket_id = rest.partition(" ")
    try:
        place = Place(int(priority), datetime.fromisoformat(at), ticket_id)
        at_utc = place.next_by.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidCursor from None
    if (
        not 1990 <= at_utc.year < 9000
        or not 0 <= place.priority < len(PRIORITIES)
        or place.next_by.tzinfo is None
        or not ticket_id
    ):
        raise InvalidCursor
    return place


_MADE = ("customer", "promise", "compensation", "checklist")


def _out(customer: str, ticket: TicketEvent) -> TicketOut:
    told = {name: getattr(ticket, name) for name in TicketOut.model_fields if name not in _MADE}
    promise, given = ticket.promise, ticket.compensation
    return TicketOut(
        **told | {"photos": list(ticket.photos), "overdue": list(ticket.overdue)},
        customer=customer,
        promise=PromiseOut(what=promise.what, by=promise.by, kept_at=promise.kept_at) if promise else None,
        compensation=CompensationOut(**given.model_dump()) if given else None,
        checklist=[PointOut(**point.model_dump()) for point in ticket.checklist],
    )
