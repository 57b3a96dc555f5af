"""What became of a message, and by which decision."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.fields import Count, Identifier, Instant, Text

MessagePurpose = Literal["marketing", "survey", "transactional"]
"""What a message is for. Consent is asked for the first two, see `Purpose`; a transactional message needs none."""

AnyChannel = Annotated[Text, Field(pattern=r"^[a-z_]{1,20}$", description="email, sms, chat, phone, inbox, or another")]
"""Open: a release that does not know a channel of a newer one reads and announces what became of its messages,
and which addresses are left alone."""
AddressHash = Annotated[Text, Field(pattern=r"^[0-9a-f]{32}$", description="keyed hash of the address, in hex")]


class SendDecision(EventData):
    """That the message was to be sent: what was decided, and what the queue made of it. A rebuild counts caps by it.

    `leave_before`: the end of its window; `address`: where it was to go. Both None of a notice, which has no window and
    counts under no cap. `sent_to`: where it was handed over to, if that is not `address`: a late bounce is about it.
    `attempts`: hand-offs that were tried. `rank`: of the flow, by which the queue is ordered.
    """

    at: Instant
    policy_version: Count
    leave_before: Instant | None = None
    address: AddressHash | None = None
    sent_to: AddressHash | None = None
    attempts: Count = 0
    rank: Count = 0


class MessageFact(EventData):
    """`message_id` names the message from cause to outcome; `flow` says what asked for it (tier, lapse, survey, …).

    `template`: the name of the text that is sent, the same in all languages.
    """

    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 420
    message_id: Identifier
    flow: Text
    purpose: MessagePurpose
    channel: AnyChannel
    template: Text


class MessageHeld(MessageFact):
    """Put off, decided by this version of the policy (0: the default). `queued`: it had been decided to be sent, and
    missed its window; it is decided again."""

    TYPE: ClassVar[str] = "message.held"
    reason: Text
    until: Instant
    policy_version: Count
    queued: SendDecision | None = None


class MessageSent(MessageFact):
    """Handed to the provider and accepted by it."""

    TYPE: ClassVar[str] = "message.sent"
    queued: SendDecision


class MessageFailed(MessageFact):
    """Not accepted; `unknown`: nobody knows whether it arrived, and `detail` says why. `bounced`: the address at which
    nobody is reached any more."""

    TYPE: ClassVar[str] = "message.failed"
    reason: Text
    detail: Text | None = None
    queued: SendDecision
    bounced: AddressHash | None = None


class MessageDelivered(MessageFact):
    """The gateway says that it arrived; `code` is its own word. Of a message in doubt this also says that it left."""

    TYPE: ClassVar[str] = "message.delivered"
    code: Text | None = None


class MessageUndelivered(MessageFact):
    """The gateway took it, and says that it did not arrive. Where `message.delivered` is told too, it did.

    `bounced`: the address at which nobody is reached any more.
    """

    TYPE: ClassVar[str] = "message.undelivered"
    code: Text | None = None
    bounced: AddressHash | None = None


class MessageDoubtEnded(MessageFact):
    """A person looked into the gateway's log for a message in doubt (`message.failed`, `unknown`).

    `taken`: it is there; `by`: who looked. Nothing is sent again for it. What the gateway says itself counts, before it
    or after (M4).
    """

    TYPE: ClassVar[str] = "message.doubt_ended"
    taken: bool
    by: Text | None = None


class MessageClicked(MessageFact):
    """A person followed a link of it, for the first time (MSG-057); programs that follow every link do not count.

    `link`: the number of the link in the text, from 0 on.
    """

    TYPE: ClassVar[str] = "message.clicked"
    link: Count


class MessageRead(MessageFact):
    """The customer opened it in the shop's app, for the first time (MSG-015)."""

    TYPE: ClassVar[str] = "message.read"


class MessageSuppressed(MessageFact):
    """Not sent, decided by this version of the policy (0: the default). `queued`: it had been decided to be sent."""

    TYPE: ClassVar[str] = "message.suppressed"
    reason: Text
    detail: Text | None = None
    policy_version: Count
    queued: SendDecision | None = None
