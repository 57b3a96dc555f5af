"""The decisions that facts about messages tell of, for a rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events import CustomerKey, Event
from common.events.messages import MessageFact, MessageHeld, MessageSuppressed
from messaging.decisions.state import Outcome


@dataclass(frozen=True, slots=True)
class Announced:
    """A decision as it was announced; `policy_version` is the one it was taken by."""

    customer: CustomerKey
    message_id: str
    at: datetime
    outcome: Outcome
    reason: str
    detail: str | None
    until: datetime | None
    policy_version: int


def decisions_of(event: Event[MessageFact]) -> list[Announced]:
    """The decision to send, where there was one, and the one that the fact itself announces."""
    data, found = event.data, []
    about = event.customer, data.message_id
    queued = getattr(data, "queued", None)
    if queued is not None:
        found.append(Announced(*about, queued.at, "send", "allowed", None, None, queued.policy_version))
    if isinstance(data, MessageHeld):
        found.append(Announced(*about, event.time, "hold", data.reason, None, data.until, data.policy_version))
    elif isinstance(data, MessageSuppressed):
        found.append(Announced(*about, event.time, "suppress", data.reason, data.detail, None, data.policy_version))
    return found
