"""Facts about decisions and outcomes; their ids are derived, so that a replay makes the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.customers import Channel
from common.events.messages import (
    MessageFact,
    MessageFailed,
    MessageHeld,
    MessagePurpose,
    MessageSent,
    MessageSuppressed,
)
from messaging.decisions.state import Decision
from messaging.flows.registry import template_of
from messaging.flows.state import Candidate


@dataclass(frozen=True, slots=True)
class Subject:
    """The message that a fact is about, with what it was caused by."""

    shop: str
    customer: str
    message_id: str
    flow: str
    purpose: MessagePurpose
    channel: Channel
    causation: str | None
    correlation: str | None

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.shop, self.customer


def subject_of(c: Any) -> Subject:
    """The message that a candidate may become; also from a row that has a candidate's columns."""
    return Subject(c.shop, c.customer, c.message_id, c.flow, c.purpose, c.channel, c.causation, c.correlation)


def decision_cause(message_id: str, at: datetime) -> str:
    """What a decision's facts derive their ids from: the message and the instant of the decision."""
    return f"{message_id}@{rfc3339(at)}"


def is_news(held: str | None, decision: Decision) -> bool:
    """Whether a decision is announced: not where it goes on holding for the reason the message was held for before."""
    return decision.outcome != "hold" or decision.reason != held


def decided(candidate: Candidate, decision: Decision) -> Event[MessageFact] | None:
    """The fact of a decision; None for `send`, which is announced when the provider has accepted the message."""
    about = subject_of(candidate)
    if decision.outcome == "hold" and decision.until is not None:
        held = MessageHeld(**_common(about), reason=decision.reason, until=decision.until)
        return _fact(about, held, decision_cause(about.message_id, decision.at), decision.at)
    if decision.outcome == "suppress":
        return suppressed(about, decision.reason, decision.at)
    return None


def suppressed(about: Subject, reason: str, at: datetime) -> Event[MessageFact]:
    """The message is not sent."""
    return _fact(about, MessageSuppressed(**_common(about), reason=reason), about.message_id, at)


def sent(about: Subject, at: datetime) -> Event[MessageFact]:
    """The provider has accepted the message."""
    return _fact(about, MessageSent(**_common(about)), about.message_id, at)


def failed(about: Subject, reason: str, at: datetime) -> Event[MessageFact]:
    """`unknown` is announced as a failure too: nobody may count on the message having arrived."""
    return _fact(about, MessageFailed(**_common(about), reason=reason), about.message_id, at)


def source_of(shop: str) -> str:
    """The source of all that messaging publishes about a shop's customers."""
    return f"/shops/{shop}/messaging"


def _common(about: Subject) -> Any:
    return {
        "message_id": about.message_id,
        "flow": about.flow,
        "purpose": about.purpose,
        "channel": about.channel,
        "template": template_of(about.flow),
    }


def _fact(about: Subject, data: MessageFact, cause: str, at: datetime) -> Event[MessageFact]:
    return Event(
        id=fact_id(cause, data.TYPE, about.shop, about.customer, 0),
        source=source_of(about.shop),
        shop=about.shop,
        subject=about.customer,
        time=at,
        data=data,
        correlationid=about.correlation,
        causationid=about.causation,
    )
