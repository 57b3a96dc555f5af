"""Facts about decisions and outcomes; their ids are derived, so that a replay makes the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.customers import Channel
from common.events.messages import (
    MessageClicked,
    MessageDelivered,
    MessageDoubtEnded,
    MessageFact,
    MessageFailed,
    MessageHeld,
    MessagePurpose,
    MessageRead,
    MessageSent,
    MessageSuppressed,
    MessageUndelivered,
    SendDecision,
)
from messaging.decisions.state import MISSED, Decided


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
    rank: int
    template: str

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.shop, self.customer


def subject_of(c: Any) -> Subject:
    """The message that a candidate may become; also from a row that has a candidate's columns."""
    return Subject(
        c.shop, c.customer, c.message_id, c.flow, c.purpose, c.channel, c.causation, c.correlation, c.rank, c.template
    )


def decision_cause(message_id: str, at: datetime) -> str:
    """What a decision's facts derive their ids from: the message and the instant of the decision."""
    return f"{message_id}@{rfc3339(at)}"


def missed_cause(message_id: str, at: datetime) -> str:
    """The same of a message that missed its window: on a set clock it is decided again at the same instant."""
    return f"{decision_cause(message_id, at)}/missed"


def decided(d: Decided) -> Event[MessageFact] | None:
    """The fact of a decision; None for `send`, which is announced when the provider has accepted the message."""
    about, decision = subject_of(d.candidate), d.decision
    if decision.outcome == "hold" and decision.until is not None:
        held = MessageHeld(
            **_common(about), reason=decision.reason, until=decision.until, policy_version=d.policy_version
        )
        return _fact(about, held, decision_cause(about.message_id, decision.at), decision.at)
    if decision.outcome == "suppress":
        return suppressed(about, decision.reason, decision.at, d.policy_version, decision.detail)
    return None


def suppressed(
    about: Subject,
    reason: str,
    at: datetime,
    policy_version: int,
    detail: str | None = None,
    queued: SendDecision | None = None,
) -> Event[MessageFact]:
    """The message is not sent; `queued`: though it had been decided so."""
    data = MessageSuppressed(
        **_common(about), reason=reason, detail=detail, policy_version=policy_version, queued=queued
    )
    return _fact(about, data, about.message_id, at)


def missed(about: Subject, at: datetime, policy_version: int, queued: SendDecision) -> Event[MessageFact]:
    """The message missed its window, and is decided again."""
    data = MessageHeld(**_common(about), reason=MISSED, until=at, policy_version=policy_version, queued=queued)
    return _fact(about, data, missed_cause(about.message_id, at), at)


def sent(about: Subject, at: datetime, queued: SendDecision) -> Event[MessageFact]:
    """The provider has accepted the message."""
    return _fact(about, MessageSent(**_common(about), queued=queued), about.message_id, at)


def failed(
    about: Subject,
    reason: str,
    at: datetime,
    queued: SendDecision,
    *,
    detail: str | None = None,
    bounced: bytes | None = None,
) -> Event[MessageFact]:
    """`unknown` is announced as a failure too: nobody may count on the message having arrived."""
    data = MessageFailed(
        **_common(about), reason=reason, detail=detail, queued=queued, bounced=bounced.hex() if bounced else None
    )
    return _fact(about, data, about.message_id, at)


def receipt(
    about: Subject,
    said: Literal["delivered", "undelivered", "clicked", "read", "taken", "never_taken"],
    code: str | None,
    at: datetime,
    bounced: bytes | None = None,
) -> Event[MessageFact]:
    """The gateway has told what became of the message; `bounced`: and that there is no such address. Or a person has
    followed the link of the number `code`, or read it, or, called `code`, looked into the gateway's log for it."""
    if said == "clicked":
        return _fact(about, MessageClicked(**_common(about), link=int(code or 0)), about.message_id, at)
    if said == "read":
        return _fact(about, MessageRead(**_common(about)), about.message_id, at)
    if said in ("taken", "never_taken"):
        return _fact(about, MessageDoubtEnded(**_common(about), taken=said == "taken", by=code), about.message_id, at)
    if said == "delivered":
        return _fact(about, MessageDelivered(**_common(about), code=code), about.message_id, at)
    address = bounced.hex() if bounced is not None else None
    return _fact(about, MessageUndelivered(**_common(about), code=code, bounced=address), about.message_id, at)


def source_of(shop: str) -> str:
    """The source of all that messaging publishes about a shop's customers."""
    return f"/shops/{shop}/messaging"


def _common(about: Subject) -> Any:
    return {
        "message_id": about.message_id,
        "flow": about.flow,
        "purpose": about.purpose,
        "channel": about.channel,
        "template": about.template,
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
