"""Addresses and consent: who may be written to, who answered, and the rules of contact."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from common.events.customers import Channel, Purpose
from common.events.envelope import EventData, NewVersion
from common.events.fields import Count, Identifier, Instant, Number, PersonalText, Text
from common.events.messages.sending import AddressHash, AnyChannel


class ContactOptedOut(EventData):
    """Effective when answered; kept until consent is given anew (MSG-009)."""

    TYPE: ClassVar[str] = "contact.opted_out"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 60
    channel: Channel
    purpose: Purpose | None = None  # None: everything but transactional
    via: Text


class ContactOptedIn(EventData):
    TYPE: ClassVar[str] = "contact.opted_in"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 61
    channel: Channel
    purpose: Purpose = "marketing"
    via: Text


class ContactReplied(EventData):
    """The customer wrote back; `said`: what it was taken for, an opt-out, an opt-in, or anything else (MSG-061).

    `message_id`: the message that it answers, where that is known.
    """

    TYPE: ClassVar[str] = "contact.replied"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 64
    channel: Channel
    said: Literal["out", "in", "other"] = "other"
    text: PersonalText | None = None
    message_id: Identifier | None = None


class ContactCalled(EventData):
    """Somebody of the shop called the customer for a message of the channel `phone` (MSG-022), for the `number`th time.

    `refused`: the customer wants no calls any more. `bounced`: the number that was wrong. `again_at`: when it is tried
    once more; None: the task is done.
    """

    TYPE: ClassVar[str] = "contact.called"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 65
    message_id: Identifier
    number: Count
    outcome: Literal["reached", "no_answer", "call_again", "refused", "wrong_number"]
    by: Text
    note: PersonalText | None = None
    again_at: Instant | None = None
    bounced: AddressHash | None = None


class ContactBounceLifted(EventData):
    """The address that bounced for good is written to again, whoever has it."""

    TYPE: ClassVar[str] = "contact.bounce_lifted"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 62
    channel: Channel
    address: AddressHash
    via: Text


class ContactAddressSuppressed(EventData):
    """What an erased customer's refusal leaves behind: the keyed hash of the address, so that it goes on being heeded.

    `said_at`: when it was refused. Read back by messaging alone, in a rebuild: the address itself opens no more.
    """

    TYPE: ClassVar[str] = "contact.address_suppressed"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 63
    channel: AnyChannel
    purpose: Purpose
    state: Literal["withdrawn", "opted_out"]
    said_at: Instant
    address: AddressHash


class ContactPolicyChanged(NewVersion):
    """A new version of the shop's rules of contact, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "contact_policy.changed"
    TOPIC: ClassVar[str] = "messages"
    policy: dict[str, Any]


class ContactPolicyWithdrawn(EventData):
    """A version of the rules of contact that was to come into force never does; no customer concerned."""

    TYPE: ClassVar[str] = "contact_policy.withdrawn"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 6
    version: Number
