"""A customer's decisions, one message from cause to outcome, and a shop's counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from common.events.fields import Identifier, PlannedTime, ShopName
from common.events.messages import MessagePurpose
from common.http.api import Router, Tx, require
from common.people.store import get_people
from common.refusals import NotFound
from messaging.reports import store as reading

router = Router(tags=["decisions"])


class UnknownMessage(NotFound):
    """The shop has no such message."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            "unknown_message",
            f"This shop has no message {message_id}: look it up in the customer's decisions.",
        )


class DecisionOut(BaseModel):
    """One decision; `state` is what became of the message, if it was queued. Times in UTC.

    `correlation_id` is what the request bore that caused it all, else the id of the event that did.
    """

    message_id: str
    flow: str
    purpose: MessagePurpose
    channel: str
    at: datetime
    outcome: str
    reason: str
    detail: str | None
    until: datetime | None
    policy_version: int
    state: str | None
    correlation_id: str | None


@router.get("/v1/shops/{shop}/customers/{customer}/decisions", dependencies=[require("messages:read")])
async def get_decisions(
    shop: ShopName,
    customer: Identifier,
    tx: Tx,
    before: PlannedTime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[DecisionOut]:
    """Why this customer was written to, or not: newest first.

    `before` continues a list from the `at` of its last decision; those of one instant stand on one page, which may be
    longer than `limit` for it.
    """
    people = [name for _, name in (await get_people(tx, [(shop, customer)]))[shop, customer]]
    rows = await reading.list_decisions(tx, shop, people, before, limit)
    return [DecisionOut.model_validate(dict(r._mapping)) for r in rows]


class MessageDecisionOut(BaseModel):
    """One decision about one message."""

    at: datetime
    outcome: str
    reason: str
    detail: str | None
    until: datetime | None
    policy_version: int


class MessageOut(BaseModel):
    """`outcome` and `reason` are of the newest decision; from `state` on all is null of a message never queued."""

    message_id: str
    customer: str
    flow: str
    purpose: MessagePurpose
    channel: str
    cause: str = Field(description="source#id of the event that made the candidate")
    cause_at: datetime
    due_at: datetime
    release_at: datetime | None
    outcome: str | None
    reason: str | None
    decided_at: datetime | None
    state: str | None
    state_reason: str | None
    attempts: int | None
    sent_at: datetime | None
    receipt: Literal["delivered", "undelivered", "taken", "never_taken"] | None = Field(
        description="what the gateway said became of it; of a message in doubt what a person saw in the gateway's log"
    )
    receipt_code: str | None = Field(description="the gateway's own word; of a message in doubt who told of it")
    receipt_at: datetime | None
    clicked_at: datetime | None = Field(description="when a person first followed a link of it")
    causation_id: str | None
    correlation_id: str | None
    decisions: list[MessageDecisionOut] = Field(description="oldest first")


@router.get("/v1/shops/{shop}/messages/{message_id}", dependencies=[require("messages:read")])
async def get_message(shop: ShopName, message_id: Identifier, tx: Tx) -> MessageOut:
    """One message from cause to outcome, with every decision about it."""
    row = await reading.get_message(tx, shop, message_id)
    if row is None:
        raise UnknownMessage(message_id)
    decisions = await reading.list_message_decisions(tx, shop, row.customer, message_id)
    return MessageOut.model_validate({**row._mapping, "decisions": [dict(d._mapping) for d in decisions]})


class ReportOut(BaseModel):
    """Messages by state; `held` and `waiting` ones are not in the queue yet."""

    messages: dict[str, int]
    suppressed_by_reason: dict[str, int]
    by_flow: dict[str, dict[str, int]]
    decisions_to_hold_by_reason: dict[str, int] = Field(description="a message that was held twice counts twice")


@router.get("/v1/shops/{shop}/report", dependencies=[require("messages:read")])
async def get_report(shop: ShopName, tx: Tx) -> ReportOut:
    """How many messages were sent, wait, or were suppressed and why, by flow."""
    totals: dict[str, int] = {}
    suppressed: dict[str, int] = {}
    flows: dict[str, dict[str, int]] = {}
    for row in await reading.count_by_outcome(tx, shop):
        totals[row.state] = totals.get(row.state, 0) + row.messages
        if row.state == "suppressed":
            suppressed[row.reason] = suppressed.get(row.reason, 0) + row.messages
        of_flow = flows.setdefault(row.flow, {})
        of_flow[row.state] = of_flow.get(row.state, 0) + row.messages
    held = await reading.count_holds(tx, shop)
    return ReportOut(messages=totals, suppressed_by_reason=suppressed, by_flow=flows, decisions_to_hold_by_reason=held)
