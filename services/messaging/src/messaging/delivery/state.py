"""Messages in the queue, on their way, and at their end."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from common.events import CustomerKey
from messaging.conditions.state import Claim, Condition
from messaging.contacts.state import Address
from messaging.decisions.facts import Subject
from messaging.flows.registry import claim_of
from messaging.policy.state import Policy

End = Literal["sent", "failed", "unknown", "suppressed", "queued", "missed"]
MISSED = "missed_window"


@dataclass(frozen=True, slots=True)
class Queued:
    """A message taken from the queue; `at` is when it was decided, `address` the hash of where it was to go then."""

    about: Subject
    at: datetime
    leave_before: datetime | None
    cause_at: datetime
    attempts: int
    details: dict[str, Any]
    lease: uuid.UUID
    started: bool = False
    condition: Condition | None = None
    address: bytes | None = None

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.about.key

    @property
    def claim(self) -> Claim:
        """What the message says is so."""
        return claim_of(self.about.flow, self.cause_at, self.condition, self.details)


@dataclass(frozen=True, slots=True)
class Ready:
    """A leased message with everything needed to send it: `letter` in its channel's form, where it goes."""

    message: Queued
    letter: Any
    date: datetime
    address: Address | None
    policy: Policy


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a leased message. `queued`: to be tried again after `wait_s`; `tried` says whether that counts.

    `missed`: its window had closed before it could leave; it is decided again. `address_bad`: its address bounced.
    """

    message: Queued
    state: End
    at: datetime
    reason: str | None = None
    wait_s: float = 0
    tried: bool = True
    address_bad: bool = False
