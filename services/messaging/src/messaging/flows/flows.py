"""Flows: which event makes which candidate. The sweep alone decides candidates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from common.events import Event, fact_id, rfc3339
from common.events.customers import Channel
from common.events.feedback import SurveyRequested
from common.events.membership import TierChanged
from common.events.orders import OrderEvent
from common.events.segments import SegmentEntered

Kind = Literal["marketing", "survey", "transactional"]
LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Flow:
    """`rank`: service answer 0, transactional 1, survey 2, tier 3, win-back 4, promotion 5 (defaults.md)."""

    name: str
    kind: Kind
    rank: int


FLOWS = {
    flow.name: flow
    for flow in (
        Flow("order_placed", "transactional", 1),
        Flow("order_paid", "transactional", 1),
        Flow("order_shipped", "transactional", 1),
        Flow("order_delivered", "transactional", 1),
        Flow("survey", "survey", 2),
        Flow("tier", "marketing", 3),
        Flow("lapse", "marketing", 4),
    )
}
NOTICES = tuple(flow.name for flow in FLOWS.values() if flow.kind == "transactional")
CHANNELS: tuple[Channel, ...] = ("email",)
"""Channels there is a sender for, first choice first."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The fact a candidate rests on: obsolete once a higher revision of `subject` says something else."""

    subject: str
    revision: int
    value: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a message says is so; `order_id` is the order it is about."""

    flow: str
    cause_at: datetime
    condition: Condition | None = None
    order_id: str | None = None


def notice_state(flow: str) -> str | None:
    """The state of an order that a flow gives notice of."""
    return flow.removeprefix("order_") if flow.startswith("order_") else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be sent. `cause` names what it answers, once for ever; `cause_at` counts for staleness.

    `release_at` is when it is next judged: when due, or when a held one's window opens. `details` go into the
    text and hold nothing personal. `held` is the reason it waits for, None before the first decision.
    """

    shop: str
    customer: str
    message_id: str
    flow: str
    channel: Channel
    cause: str
    cause_at: datetime
    due_at: datetime
    release_at: datetime
    details: dict[str, Any] = field(default_factory=dict)
    condition: Condition | None = None
    causation: str | None = None
    correlation: str | None = None
    held: str | None = None

    @property
    def kind(self) -> Kind:
        return FLOWS[self.flow].kind

    @property
    def rank(self) -> int:
        return FLOWS[self.flow].rank

    @property
    def claim(self) -> Claim:
        return Claim(self.flow, self.cause_at, self.condition, self.details.get("order_id"))


def candidates_for(event: Event[Any]) -> list[Candidate]:
    """The candidates an event makes, one for each channel; none for an event without a customer."""
    if event.subject is None:
        return []
    data = event.data
    if isinstance(data, TierChanged):
        if data.direction != "up":
            return []
        condition = Condition("tier", data.revision, data.new)
        return _candidates(event, "tier", f"{event.source}#{event.id}", event.time, condition, tier=data.new)
    if isinstance(data, SegmentEntered):
        if data.segment != LAPSED:
            return []
        condition = Condition(f"{LAPSED}/{data.episode}", data.revision, "in")
        return _candidates(event, "lapse", f"{LAPSED}/{data.episode}", data.since, condition)  # once each (MSG-037)
    if isinstance(data, SurveyRequested):
        condition = Condition(f"survey/{data.survey_id}", 0, "asked")
        return _candidates(event, "survey", f"survey/{data.survey_id}", data.cause_at, condition,
                           order_id=data.order_id, answer_url=data.answer_url)  # fmt: skip
    if isinstance(data, OrderEvent) and f"order_{data.state}" in FLOWS and event.type == f"order.{data.state}":
        # One notice for each state of an order, however often the shop sends that state again.
        shipping = {k: v for k, v in (("carrier", data.carrier), ("tracking", data.tracking)) if v is not None}
        return _candidates(event, f"order_{data.state}", f"order/{data.order_id}/{data.state}", event.time, None,
                           order_id=data.order_id, **shipping)  # fmt: skip
    return []


def _candidates(
    event: Event[Any], flow: str, cause: str, cause_at: datetime, condition: Condition | None, **details: str
) -> list[Candidate]:
    shop, customer = event.customer
    due_at = max(event.time, cause_at)
    return [
        Candidate(
            shop=shop,
            customer=customer,
            message_id=fact_id(cause, f"message/{flow}/{channel}", shop, customer, 0),
            flow=flow,
            channel=channel,
            cause=cause,
            cause_at=cause_at,
            due_at=due_at,
            release_at=due_at,
            details=details,
            condition=condition,
            causation=event.id,
            correlation=event.correlationid or event.id,
        )
        for channel in CHANNELS
    ]


def decision_cause(message_id: str, at: datetime) -> str:
    """What a decision's facts derive their ids from: the message and the instant of the decision."""
    return f"{message_id}@{rfc3339(at)}"
