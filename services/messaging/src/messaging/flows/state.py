"""Flows, what an event asks for, and candidates: messages that may be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from common.events import CustomerKey
from common.events.customers import Channel
from common.events.messages import MessagePurpose
from messaging.conditions.state import Condition


@dataclass(frozen=True, slots=True)
class Flow:
    """A kind of message, as data.

    `rank` decides which goes first where several are due: service answer 0, transactional 1, survey 2, tier 3,
    win-back 4, promotion 5. `template` names its text; absent: as the flow is named.
    `ended_by_purchase`, `once`, `order_state`, `ended_in` and `parcel_status` say what makes it obsolete, see `Claim`.
    """

    name: str
    purpose: MessagePurpose
    rank: int
    template: str = ""
    ended_by_purchase: bool = False
    once: bool = False
    order_state: str | None = None
    ended_in: tuple[str, ...] = ()
    parcel_status: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", self.template or self.name)


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that an event asks for. `cause` names what it answers, once for ever; `cause_at` counts for staleness.

    `details` go into the text and hold nothing personal.
    """

    flow: Flow
    cause: str
    cause_at: datetime
    condition: Condition | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be sent, on one channel.

    `release_at` is when it is next decided: when due, or when a held one's window opens. `held` is the reason it waits
    for, None before the first decision. `purpose` and `rank` are its flow's when it was made: what another release
    calls a flow may be unknown here.
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
    details: dict[str, Any] = field(default_factory=dict)
    condition: Condition | None = None
    causation: str | None = None
    correlation: str | None = None
    held: str | None = None

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.shop, self.customer

    @classmethod
    def stored(cls, row: Any, held: str | None = None) -> Candidate:
        """From a row of `candidates` with all columns but those of its decision, `details` as text."""
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
        )
