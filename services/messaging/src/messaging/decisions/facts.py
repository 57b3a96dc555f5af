"""Facts about decisions and outcomes; their ids are derived, so that a replay makes the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events import Event, fact_id
from common.events.customers import Channel
from common.events.messages import MessageFact, MessageFailed, MessageHeld, MessageSent, MessageSuppressed
from messaging.decisions.rules import Decision
from messaging.flows.flows import Candidate, decision_cause


@dataclass(frozen=True, slots=True)
class Subject:
    """The message that a fact is about, with what it was caused by."""

    shop: str
    customer: str
    message_id: str
    flow: str
    channel: Channel
    causation: str | None
    correlation: str | None


def subject_of(candidate: Candidate) -> Subject:
    return Subject(
        candidate.shop,
        candidate.customer,
        candidate.message_id,
        candidate.flow,
        candidate.channel,
        candidate.causation,
        candidate.correlation,
    )


def is_news(held: str | None, decision: Decision) -> bool:
    """Whether a decision is told: not where it goes on holding for the reason for which the message was held before."""
    return decision.outcome != "hold" or decision.reason != held


def decided(candidate: Candidate, decision: Decision) -> Event[MessageFact] | None:
    """The fact of a decision; None for `send`, which is told when the provider has accepted the message."""
    about = subject_of(candidate)
    cause = decision_cause(about.message_id, decision.at)
    if decision.outcome == "hold" and decision.until is not None:
        held = MessageHeld(
            message_id=about.message_id,
            purpose=about.flow,
            channel=about.channel,
            template=about.flow,
            reason=decision.reason,
            until=decision.until,
        )
        return _fact(about, held, cause, decision.at)
    if decision.outcome == "suppress":
        return suppressed(about, decision.reason, decision.at)
    return None


def suppressed(about: Subject, reason: str, at: datetime) -> Event[MessageFact]:
    data = MessageSuppressed(
        message_id=about.message_id, purpose=about.flow, channel=about.channel, template=about.flow, reason=reason
    )
    return _fact(about, data, about.message_id, at)


def sent(about: Subject, at: datetime) -> Event[MessageFact]:
    data = MessageSent(message_id=about.message_id, purpose=about.flow, channel=about.channel, template=about.flow)
    return _fact(about, data, about.message_id, at)


def failed(about: Subject, reason: str, at: datetime) -> Event[MessageFact]:
    """`unknown` is told as a failure too: nobody may count on the message having arrived."""
    data = MessageFailed(
        message_id=about.message_id, purpose=about.flow, channel=about.channel, template=about.flow, reason=reason
    )
    return _fact(about, data, about.message_id, at)


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


def source_of(shop: str) -> str:
    return f"/shops/{shop}/messaging"
