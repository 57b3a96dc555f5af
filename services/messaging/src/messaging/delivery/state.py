"""Messages in the queue, on their way, and at their end."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from common.events import CustomerKey
from common.events.messages import SendDecision
from messaging.channels.protocol import Trouble
from messaging.conditions.state import Claim, Condition
from messaging.contacts.state import Address
from messaging.decisions.facts import Subject
from messaging.flows.document import Untrue
from messaging.flows.state import TRUE_FOR_EVER, claim_of
from messaging.policy.state import Policy


class Place(NamedTuple):
    """What a pause is about: all shops, one shop, or one address of a shop, by its hash."""

    shop: str = ""
    address: bytes = b""


EVERYWHERE = Place()
End = Literal["sent", "failed", "unknown", "suppressed", "queued", "missed"]


@dataclass(frozen=True, slots=True)
class Queued:
    """A message taken from the queue; `at` is when it was decided, by `policy_version`, `address` the hash of where it
    was to go then."""

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
    policy_version: int = 0
    untrue: Untrue = TRUE_FOR_EVER
    cause: str = ""

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.about.key

    @property
    def claim(self) -> Claim:
        """What the message says is so."""
        return claim_of(self.cause_at, self.condition, self.details, self.untrue)


@dataclass(frozen=True, slots=True)
class Ready:
    """A leased message with everything needed to send it: `letter` in its channel's form, where it goes.

    `on_trial`: its address was paused until a moment ago. `traceparent`: of the trace that led to it, if any.
    `leased_at`: by the event loop's clock.
    """

    message: Queued
    letter: Any
    date: datetime
    address: Address | None
    policy: Policy
    on_trial: bool = False
    traceparent: str | None = None
    leased_at: float = 0.0

    @property
    def places(self) -> frozenset[Place]:
        """What a pause is about that keeps it back."""
        shop = Place(self.message.about.shop)
        return frozenset((EVERYWHERE, shop, *([Place(*self.address)] if self.address is not None else ())))

    def place_of(self, trouble: Trouble) -> Place | None:
        """What is paused for this trouble; None for an address without a hash: that message waits alone."""
        match trouble.scope:
            case "channel":
                return EVERYWHERE
            case "shop":
                return Place(self.message.about.shop)
            case "address":
                return Place(*self.address) if self.address is not None else None


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a leased message. `queued`: to be tried again after `wait_s`; `tried` says whether that counts.

    `missed`: its window had closed before it could leave; it is decided again. `address_bad`: its address bounced;
    `bounced` is its hash. `sent_to`: where it was handed over to, if not to `message.address`. `policy_version`: by
    which a suppressed or missed one was recorded.
    """

    message: Queued
    state: End
    at: datetime
    reason: str | None = None
    wait_s: float = 0
    tried: bool = True
    address_bad: bool = False
    bounced: bytes | None = None
    sent_to: bytes | None = None
    policy_version: int = 0

    @property
    def decision(self) -> SendDecision:
        """The decision to send it, as it is announced with its end."""
        m = self.message
        return send_decision(
            m.at, m.policy_version, m.leave_before, m.address, m.attempts - (not self.tried), m.about.rank, self.sent_to
        )


def send_decision(
    at: datetime,
    policy_version: int,
    leave_before: datetime | None,
    address: bytes | None,
    attempts: int,
    rank: int,
    sent_to: bytes | None = None,
) -> SendDecision:
    """A decision to send as it is announced."""
    return SendDecision(
        at=at,
        policy_version=policy_version,
        leave_before=leave_before,
        address=address.hex() if address is not None else None,
        sent_to=sent_to.hex() if sent_to is not None else None,
        attempts=attempts,
        rank=rank,
    )
