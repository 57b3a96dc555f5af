"""What starts a flow, and candidates: messages that may be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from common.events import CustomerKey, fact_id
from common.events.customers import Channel
from common.events.messages import MessagePurpose
from messaging.conditions.state import Claim, Condition, Parcel
from messaging.flows.document import FlowDocument, Untrue

TRUE_FOR_EVER = Untrue()


@dataclass(frozen=True, slots=True)
class Start:
    """A flow that something starts. `cause` names what, once for ever; `cause_at` counts for staleness.

    `details` go into the texts and hold nothing personal.
    """

    document: FlowDocument
    version: int
    cause: str
    cause_at: datetime
    condition: Condition | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be sent, on one channel.

    `release_at` is when it is next decided: when due, or when a held one's window opens. `held` is the reason it waits
    for, None before the first decision. `purpose`, `rank`, `template` and `untrue` are its flow's when it was made:
    what another release calls a flow may be unknown here.
    """

    shop: str
    customer: str
    message_id: str
    flow: str
    purpose: MessagePurpose
    rank: int
    channel: Channel
    cause: str
    cause_at: datetime
    due_at: datetime
    release_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    condition: Condition | None = None
    causation: str | None = None
    correlation: str | None = None
    held: str | None = None
    template: str = ""
    untrue: Untrue = TRUE_FOR_EVER

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.shop, self.customer

    @property
    def said(self) -> str:
        """What it says, the same on every channel."""
        return f"{self.flow}/{self.cause}"

    @property
    def claim(self) -> Claim:
        """What the message says is so."""
        return claim_of(self.cause_at, self.condition, self.details, self.untrue)

    @classmethod
    def stored(cls, row: Any, held: str | None = None) -> Candidate:
        """From a row of `candidates` with all columns but those of its decision, `details` and `untrue` as text."""
        return cls(
            row.shop,
            row.customer,
            row.message_id,
            row.flow,
            row.purpose,
            row.rank,
            row.channel,
            row.cause,
            row.cause_at,
            row.due_at,
            row.release_at or row.due_at,
            orjson.loads(row.details),
            Condition.stored(row.condition_subject, row.condition_revision, row.condition_value),
            row.causation,
            row.correlation,
            held,
            row.template,
            read_untrue(row.untrue),
        )


def read_untrue(text: str | None) -> Untrue:
    """What makes a message untrue, as its row keeps it; None: nothing does."""
    return TRUE_FOR_EVER if text is None else Untrue.model_validate_json(text)


def stored_untrue(untrue: Untrue) -> str | None:
    """The inverse."""
    return None if untrue == TRUE_FOR_EVER else untrue.model_dump_json(exclude_defaults=True)


def claim_of(
    cause_at: datetime, condition: Condition | None, details: Mapping[str, Any], untrue: Untrue = TRUE_FOR_EVER
) -> Claim:
    """What a message says is so, and what makes it untrue."""
    return Claim(
        cause_at,
        condition,
        details.get("order_id"),
        untrue.purchase,
        untrue.regained,
        untrue.order_state,
        untrue.order_in,
        Parcel(details.get("tracking"), untrue.parcel_status) if untrue.parcel_status is not None else None,
        untrue.offer,
        details.get(untrue.in_stock) if untrue.in_stock is not None else None,
        untrue.tiers,
    )


def message_id(cause: str, flow: str, channel: Channel, shop: str, customer: str) -> str:
    """Derived from what the message answers, so that the same cause makes the same message."""
    return fact_id(cause, f"message/{flow}/{channel}", shop, customer, 0)
