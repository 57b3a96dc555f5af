"""What facts say became of queued messages, and which addresses bounced, for a rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events import CustomerKey, Event
from common.events.messages import (
    MessageFact,
    MessageFailed,
    MessagePurpose,
    MessageSent,
    MessageSuppressed,
    MessageUndelivered,
    SendDecision,
)
from messaging.contacts.state import Address
from messaging.delivery.state import End

IN_DOUBT = "unknown"
"""The reason with which a message is announced of which nobody knows whether it arrived."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A message that was queued and came to its end."""

    customer: CustomerKey
    message_id: str
    flow: str
    purpose: MessagePurpose
    channel: str
    queued: SendDecision
    state: End
    reason: str | None
    sent_at: datetime | None


def finished(event: Event[MessageFact]) -> Finished | None:
    """The message that a fact says came to its end; None of one that was never queued, or is decided again."""
    match event.data:
        case MessageSent() as data:
            return _finished(event, data.queued, "sent", None, event.time)
        case MessageFailed() as data if data.reason == IN_DOUBT:
            return _finished(event, data.queued, "unknown", data.detail)
        case MessageFailed() as data:
            return _finished(event, data.queued, "failed", data.reason)
        case MessageSuppressed() as data if data.queued is not None:
            return _finished(event, data.queued, "suppressed", data.reason)
    return None


def bounced(event: Event[MessageFact]) -> tuple[Address, datetime] | None:
    """The address that a fact says bounced for good, and when."""
    data = event.data
    if not isinstance(data, MessageFailed | MessageUndelivered) or data.bounced is None:
        return None
    return (event.shop, bytes.fromhex(data.bounced)), event.time


def _finished(
    event: Event[MessageFact], queued: SendDecision, state: End, reason: str | None, sent_at: datetime | None = None
) -> Finished:
    data = event.data
    return Finished(
        event.customer, data.message_id, data.flow, data.purpose, data.channel, queued, state, reason, sent_at
    )
