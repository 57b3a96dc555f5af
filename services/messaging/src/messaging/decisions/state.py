"""What a decision looks at, and what it comes to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal

from common.crypto.keys import CustomerKeyRow
from common.events import CustomerKey
from common.events.customers import Channel
from common.time.calendar import Period
from messaging.conditions.state import Facts
from messaging.consent.state import ConsentState, Register
from messaging.contacts.state import IN_HOUSE, NO_ADDRESS, Contact, ContactAddress
from messaging.flows.state import Candidate
from messaging.halts.state import NOT_HALTED, Halt
from messaging.limits.caps.state import Contacted
from messaging.policy.state import Policy

Outcome = Literal["send", "hold", "suppress"]
Reason = Literal[
    "allowed",  # send: nothing forbids it
    "erased",  # the customer was erased
    "no_address",  # hold while fresh, then suppress: no address for this channel
    "bounced",  # the address bounced for good
    "stale",  # the cause happened too long ago
    "no_consent",  # nobody ever recorded a consent for this channel and purpose
    "consent_withdrawn",
    "opted_out",
    "obsolete",  # what it was about is no longer so
    "unknown_flow",  # hold while fresh, then suppress: a flow of another release
    "no_sender",  # hold while fresh, then suppress: this release has no sender for the channel
    "complaint_open",  # hold marketing: a complaint of the customer's is open, looked at again every hour
    "contact_unknown",  # hold: the customer's contact data has not been read yet
    "key_missing",  # hold: the customer's key has not been read yet
    "window",  # hold: outside the windows, or blacked out
    "window_taken",  # hold: another message went in this window
    "missed_window",  # hold: it was queued, and could not leave in its window or where it was to go
    "cap",
    "superseded",  # the same was sent by another channel, and the policy wants one
    "similar",  # the same text was sent of late
    "mix",  # one promotion too many among the last messages
    "fatigue",  # the customer is tired of messages
    "campaign_paused",  # hold: looked at again every hour
    "campaign_stopped",
    "not_eligible",  # the coupon is over, the product sold out, the tier another
]
OF_ANOTHER_RELEASE = ("unknown_flow", "no_sender")
"""Reasons to hold that end when a release runs that knows the flow, or sends on the channel."""
WAITS_FOR_ITS_HOUR = ("window", "window_taken")
"""Reasons to hold until another window."""
MISSED: Reason = "missed_window"
WAITS_FOR_CONTACT = ("contact_unknown", "no_address", "key_missing")
"""Reasons to hold that end when a profile or a key comes."""


@dataclass(slots=True)
class Known:
    """All that is known of one customer for a decision.

    Of customers who are one person after merges all is joined: `people` are their identifiers, the survivor first.
    """

    contact: Contact | None = None
    data_key: CustomerKeyRow | None = None
    register: Register = field(default_factory=Register)
    facts: Facts = field(default_factory=Facts)
    people: Sequence[CustomerKey] = ()
    _hashes: dict[Channel, bytes] | None = field(default=None, init=False, repr=False, compare=False)

    def person(self, key: CustomerKey) -> CustomerKey:
        """The survivor who stands for this customer."""
        return self.people[0] if self.people else key

    @property
    def erased(self) -> bool:
        """Whether the customer was erased: the marker is permanent."""
        return self.data_key is not None and self.data_key.erased_at is not None

    def address(self, channel: Channel) -> ContactAddress | None:
        """The address on this channel as the newest profile has it; in the house there is none, and none is needed."""
        if self.contact and channel in IN_HOUSE:
            return NO_ADDRESS
        return self.contact.addresses.get(channel) if self.contact else None

    @property
    def hashes(self) -> dict[Channel, bytes]:
        """The keyed hash of the address on each channel, where there is one."""
        if self._hashes is None:
            of = self.contact.addresses if self.contact else {}
            self._hashes = {channel: address.hash for channel, address in of.items() if address.hash is not None}
        return self._hashes


@dataclass(frozen=True, slots=True)
class Situation:
    """All that one decision looks at. `zone` is the recipient's, `shop_zone` the one in which months are counted."""

    policy: Policy
    shop_zone: tzinfo
    zone: tzinfo
    contact_known: bool = True
    has_address: bool = True
    bounced: bool = False
    key: Literal["present", "missing", "erased"] = "present"
    consent: ConsentState | None = "granted"
    by_address: bool = False
    """Another customer of the same address said what holds."""
    obsolete: bool = False
    halt: Halt = NOT_HALTED
    """How the campaign that it belongs to is halted, and was."""
    eligible: bool = True
    """Whether the customer can use what the message offers."""
    kind: str = "information"
    segments: Collection[str] = ()
    """Segments that the customer is in."""
    refusals: int = 0
    """Channels and purposes that the customer refused."""
    purchases: Sequence[datetime] = ()
    complaint_open: bool = False
    contacted: Sequence[Contacted] = ()
    flow_known: bool = True
    """Whether this release knows the flow."""
    has_sender: bool = True
    """Whether this release has a sender for the channel."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`until`: when a held candidate is decided again. `opening`: the window in which a sent one must leave."""

    outcome: Outcome
    reason: Reason
    at: datetime
    until: datetime | None = None
    opening: Period | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision by a version of the policy, for the address that the customer had on the channel."""

    candidate: Candidate
    decision: Decision
    policy_version: int
    address: bytes | None = None

    @property
    def news(self) -> bool:
        """Whether it is recorded and announced: not where the message goes on waiting for what it waited for."""
        decision = self.decision
        goes_on = decision.outcome == "hold" and decision.reason == self.candidate.held
        return not goes_on or decision.reason in WAITS_FOR_ITS_HOUR
