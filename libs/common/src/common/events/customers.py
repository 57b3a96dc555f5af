"""Events that orders-ingest publishes on `customers` and `customer-keys`: who somebody is and what they allow."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from common.events.envelope import EventData
from common.events.fields import Count, Identifier, PersonalText, Revision, Text
from common.values.names import is_asked

Channel = Literal["email", "sms", "chat", "phone", "inbox"]
Purpose = Literal["marketing", "survey"]
LifeState = Literal["student", "white_collar", "civil_servant", "homebody"]


class SocialAccount(EventData):
    """An account of the customer on another platform, by which one person is recognised (ORD-040)."""

    platform: Text
    account: PersonalText | None = None


class Interest(EventData):
    """Something the customer likes or follows, and where that is known from (MEM-004).

    `consented`: the customer agreed that it is kept; what they did not agree to is neither stored nor published
    (SEC-008). `value`: who tells of one says it; None is what is read of an erased customer's.
    """

    kind: Literal["hobby", "brand", "product", "category", "book", "film", "topic"]
    value: PersonalText | None = Field(default=None, validate_default=True)
    source: Text | None = None
    consented: bool = False
    noted_on: date | None = None

    @field_validator("value")
    @classmethod
    def _is_told(cls, value: str | None) -> str | None:
        if value is None and is_asked():
            raise ValueError("say what the customer likes: an interest in nothing is none")
        return value


class ProfileFields(EventData):
    """What a shop says of a customer: the same in the event and in an upsert (MEM-001 to MEM-006).

    `zone` is an IANA name, None: the shop's zone is taken for the customer's.
    """

    name: PersonalText | None = None
    email: PersonalText | None = None
    phone: PersonalText | None = None  # with + and the country's code
    chat: PersonalText | None = None  # webhook URL of the group robot through which the customer is written to
    address: PersonalText | None = None
    birthday: PersonalText | None = None  # ISO date
    gender: Literal["female", "male", "other"] | None = None
    region: Text | None = None  # province or state
    city: Text | None = None
    education: Text | None = None
    credit_level: Text | None = None  # the platform's of the buyer
    social: Annotated[tuple[SocialAccount, ...], Field(max_length=20)] = ()
    interests: Annotated[tuple[Interest, ...], Field(max_length=100)] = ()
    language: Text | None = None
    zone: Text | None = None
    source: Text | None = None


class CustomerProfile(ProfileFields):
    """The whole profile as it stands.

    `life_state` and `born_from`, the first of five years of birth, are derived of address and birthday by orders-ingest
    where an event does not say them, so that no other service opens these (SEG-036, SEG-040).
    """

    TOPIC: ClassVar[str] = "customers"
    life_state: LifeState | None = None
    born_from: Annotated[int, Field(ge=1900, le=2100, multiple_of=5)] | None = None
    version: Revision | None = None  # the shop's own version number of the profile, if it keeps one
    revision: Revision = 0


class CustomerRegistered(CustomerProfile):
    TYPE: ClassVar[str] = "customer.registered"
    RANK: ClassVar[int] = 10


class CustomerUpdated(CustomerProfile):
    TYPE: ClassVar[str] = "customer.updated"
    RANK: ClassVar[int] = 20


class ConsentChanged(EventData):
    """Consent given or withdrawn for one channel and purpose; newest `time` wins (SEC-005).

    `undated`: the shop did not say when, and `time` is when it was read: such a yes overrides nobody's refusal.
    """

    TYPE: ClassVar[str] = "customer.consent_changed"
    TOPIC: ClassVar[str] = "customers"
    RANK: ClassVar[int] = 30
    channel: Channel
    purpose: Purpose = "marketing"
    granted: bool
    source: Text | None = None
    noted_on: date | None = None
    undated: bool = False


class CustomerMerged(EventData):
    """Two customers are one person, as if that had always been known: `survivor` goes on, `absorbed` stands for it.

    The subject is the survivor. Every event goes on under the identifier under which it came, so nothing is rewritten,
    and `customer.unmerged` undoes it exactly: whoever keeps state per customer folds what came under both as one
    customer's, and facts about the absorbed one count no more. `sequence` numbers the merges of the absorbed customer
    and their undoings together: the highest counts, in whatever order they arrive.
    """

    TYPE: ClassVar[str] = "customer.merged"
    TOPIC: ClassVar[str] = "customers"
    RANK: ClassVar[int] = 40
    survivor: Identifier
    absorbed: Identifier
    sequence: Revision


class CustomerUnmerged(EventData):
    """The merge of these two never was: what came under each identifier is that one's again (ORD-040)."""

    TYPE: ClassVar[str] = "customer.unmerged"
    TOPIC: ClassVar[str] = "customers"
    RANK: ClassVar[int] = 41
    survivor: Identifier
    absorbed: Identifier
    sequence: Revision


class KeyIssued(EventData):
    """A customer's data key, wrapped by the installation's master key (base64)."""

    TYPE: ClassVar[str] = "customer.key_issued"
    TOPIC: ClassVar[str] = "customer-keys"
    RANK: ClassVar[int] = 0
    key_id: Identifier
    wrapped: Text


class CustomerErased(EventData):
    """The permanent last record of a customer's key: any copy of the key is removed and never taken again."""

    TYPE: ClassVar[str] = "customer.erased"
    TOPIC: ClassVar[str] = "customer-keys"
    RANK: ClassVar[int] = 900


class ErasureConfirmed(EventData):
    """A service has removed what it held of an erased customer, its subject (SEC-006).

    `kept`: by table, how many rows still name the customer's identifier: totals, ledgers and facts, without any
    personal text.
    """

    RANK: ClassVar[int] = 950
    kept: dict[str, Count] = Field(default_factory=dict)
