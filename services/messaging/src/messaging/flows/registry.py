"""All flows, and the candidates that an event makes. A new family of flows is a file and its name in FAMILIES."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from common.events import Event, fact_id
from common.events.customers import Channel
from messaging.conditions.state import Claim, Condition, Parcel
from messaging.flows import deliveries, lapse, orders, survey, tier
from messaging.flows.state import Asked, Candidate

FAMILIES = (orders, deliveries, survey, tier, lapse)
"""Each has its FLOWS, what an event asks for (`asked`), and the facts that an event states (`conditions`)."""
FLOWS = {flow.name: flow for family in FAMILIES for flow in family.FLOWS}
UNKNOWN_RANK = 9


def candidates_for(event: Event[Any], channels: Sequence[Channel]) -> list[Candidate]:
    """The candidates an event makes, one for each of the channels; none for an event without a customer."""
    if event.subject is None:
        return []
    asked = [one for family in FAMILIES for one in family.asked(event)]
    return [_candidate(event, one, channel) for one in asked for channel in channels]


def asks(event: Event[Any]) -> bool:
    """Whether an event asks for any message."""
    return event.subject is not None and any(family.asked(event) for family in FAMILIES)


def conditions_of(event: Event[Any]) -> list[Condition]:
    """The facts that an event states, on which messages rest."""
    return [condition for family in FAMILIES for condition in family.conditions(event)]


def claim_of(flow: str, cause_at: datetime, condition: Condition | None, details: dict[str, Any]) -> Claim:
    """What a message of this flow says is so; of an unknown flow only what its row says."""
    order_id = details.get("order_id")
    known = FLOWS.get(flow)
    if known is None:
        return Claim(cause_at, condition, order_id)
    return Claim(
        cause_at,
        condition,
        order_id,
        known.ended_by_purchase,
        known.once,
        known.order_state,
        known.ended_in,
        Parcel(details.get("tracking"), known.parcel_status) if known.parcel_status is not None else None,
    )


def template_of(flow: str) -> str:
    """The name of the flow's text; of an unknown flow its own name."""
    known = FLOWS.get(flow)
    return known.template if known is not None else flow


def rank_of(flow: str) -> int:
    """The flow's rank; of an unknown flow, which no release here queues, after all others."""
    known = FLOWS.get(flow)
    return known.rank if known is not None else UNKNOWN_RANK


def message_id(cause: str, flow: str, channel: Channel, shop: str, customer: str) -> str:
    """Derived from what the message answers, so that the same cause makes the same message."""
    return fact_id(cause, f"message/{flow}/{channel}", shop, customer, 0)


def _candidate(event: Event[Any], asked: Asked, channel: Channel) -> Candidate:
    shop, customer = event.customer
    due_at = max(event.time, asked.cause_at)
    return Candidate(
        shop=shop,
        customer=customer,
        message_id=message_id(asked.cause, asked.flow.name, channel, shop, customer),
        flow=asked.flow.name,
        purpose=asked.flow.purpose,
        rank=asked.flow.rank,
        channel=channel,
        cause=asked.cause,
        cause_at=asked.cause_at,
        due_at=due_at,
        release_at=due_at,
        details=asked.details,
        condition=asked.condition,
        causation=event.id,
        correlation=event.correlationid or event.id,
    )
