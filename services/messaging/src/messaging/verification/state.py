"""A customer's history as it is stored, to be checked anew.

What is not kept cannot be checked: contact data before its newest revision, a key's arrival. A decision that leaned on
those is checked by the rest; where the shop had several zones, by any of them. What others said about the address is
not checked where very many have it (`CROWD`), nor before somebody of the shop was erased, whose part is forgotten.

A decision bears the start of its transaction, an input the instant of its writing: what was written within `SAME_TIME`
after it was known to it or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from common.events.customers import Channel
from common.events.messages import MessagePurpose
from messaging.conditions.state import Condition, OrderNews
from messaging.consent.state import Statement
from messaging.delivery.receipts.state import Receipt
from messaging.flows.book import Books
from messaging.flows.state import Candidate
from messaging.halts.state import NOT_HALTED, Halts
from messaging.limits.caps.state import Contacted
from messaging.policy.state import Policy

SAME_TIME = timedelta(seconds=60)
"""A transaction lasts no longer."""
LEAVING = timedelta(seconds=45)
"""A lease: what an opt-out found on its way may leave for so long; the opt-out is answered after that."""
HOLDING = ("queued", "leased", "sent", "unknown")
"""States in which a message holds its place under the caps."""
CROWD = 1_000
"""So many statements about one address are not checked: each of its customers would be checked by all of them."""
PERMISSION = ("no_consent", "consent_withdrawn", "opted_out")


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate with the decision that its row says it came to."""

    candidate: Candidate
    outcome: str | None
    reason: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision as it is stored. `read_back`: by a rebuild; what was known when it was taken is not known now."""

    message_id: str
    at: datetime
    recorded_at: datetime
    outcome: str
    reason: str
    until: datetime | None
    policy_version: int
    read_back: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is stored."""

    message_id: str
    purpose: MessagePurpose
    channel: Channel
    at: datetime
    leave_before: datetime | None
    state: str
    sent_at: datetime | None
    address: bytes | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Went:
    """A run through a flow as it stands."""

    run_id: str
    flow: str
    version: int
    cause: str
    number: int
    step: str | None
    until: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A move of a run as it is stored."""

    run_id: str
    number: int
    at: datetime
    reason: str
    step: str | None
    until: datetime | None
    path: Sequence[str]


@dataclass(slots=True)
class History:
    """All that is stored of one customer; `zones` are the recipient's: one of their own, else every one of the shop's.

    None where no contact data is stored.

    Inputs bear the time from which they were known.
    """

    customer: tuple[str, str]
    shop_zones: Sequence[ZoneInfo]
    policies: Mapping[int, Policy]
    replay: bool
    """In a replay nothing counts that bears a time after the decision; on the wall clock all that is known does."""
    books: Books = field(default_factory=Books)
    halts: Halts = field(default_factory=dict)
    """Campaigns that were paused."""
    once_merged: bool = False
    """The customer was one person with another, or still is: decisions rested on what was known of all of them, and
    who they were is not kept."""
    erased: bool = False
    has_address: frozenset[Channel] = frozenset()
    """The channels on which the customer has an address."""
    zones: Sequence[ZoneInfo] | None = None
    contact_since: datetime | None = None
    candidates: dict[str, Asked] = field(default_factory=dict)
    decisions: list[Taken] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    runs: dict[str, Went] = field(default_factory=dict)
    moves: list[Moved] = field(default_factory=list)
    statements: list[tuple[datetime, Statement]] = field(default_factory=list)
    conditions: list[tuple[datetime, datetime, Condition]] = field(default_factory=list)
    purchases: list[tuple[datetime, datetime]] = field(default_factory=list)
    orders: list[tuple[datetime, OrderNews]] = field(default_factory=list)
    addresses: Mapping[Channel, bytes] = field(default_factory=dict)
    there: Sequence[tuple[datetime, Statement]] = ()
    """What was said about the addresses, by all who had them, and since when that was known."""
    crowded: bool = False
    forgotten: datetime | None = None
    """When the addresses of the last erased customer of the shop were forgotten."""
    others: Sequence[tuple[str, Contacted]] = ()
    """What was ever decided to be sent to others who had an address of this customer: (message id, place)."""
    here: Sequence[Message] = ()
    """The messages of others to the addresses."""

    def fresh_from(self, c: Candidate, at: datetime) -> datetime:
        """From when its age counted at `at`: its cause, later by as long as its campaign had been paused."""
        return c.cause_at + self.halts.get((c.shop, c.cause), NOT_HALTED).rested(c.cause_at, at)

    def until(self, at: datetime) -> datetime:
        """Up to when what was said counts for a decision at `at`."""
        return at if self.replay else datetime.max.replace(tzinfo=UTC)
