"""Events that messaging publishes on `messages`: what was decided and what became of it, and by which rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.events.customers import Channel, ErasureConfirmed, Purpose
from common.events.envelope import EventData, NewVersion
from common.events.feedback import StaffTaskKind
from common.events.fields import Count, Identifier, Instant, Number, PersonalText, Text

MessagePurpose = Literal["marketing", "survey", "transactional"]
"""What a message is for. Consent is asked for the first two, see `Purpose`; a transactional message needs none."""

AnyChannel = Annotated[Text, Field(pattern=r"^[a-z_]{1,20}$", description="email, sms, chat, phone, inbox, or another")]
"""Open: a release that does not know a channel of a newer one reads and announces what became of its messages,
and which addresses are left alone."""
AddressHash = Annotated[Text, Field(pattern=r"^[0-9a-f]{32}$", description="keyed hash of the address, in hex")]


class SendDecision(EventData):
    """That the message was to be sent: what was decided, and what the queue made of it. A rebuild counts caps by it.

    `leave_before`: the end of its window; `address`: where it was to go. Both None of a notice, which has no window and
    counts under no cap. `attempts`: hand-offs that were tried. `rank`: of the
    flow, by which the queue is ordered.
    """

    at: Instant
    policy_version: Count
    leave_before: Instant | None = None
    address: AddressHash | None = None
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
    """The customer wrote back; `said`: what it was taken for, an opt-out, an opt-in, or anything else (MSG-061)."""

    TYPE: ClassVar[str] = "contact.replied"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 64
    channel: Channel
    said: Literal["out", "in", "other"] = "other"
    text: PersonalText | None = None


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


class FlowChanged(NewVersion):
    """A new version of one of the shop's flows, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "flow.changed"
    TOPIC: ClassVar[str] = "messages"
    flow: Text
    document: dict[str, Any]


class FlowEntry(EventData):
    """A customer whom a dated flow begins with, and when."""

    customer: Identifier
    at: Instant


class FlowEntered(EventData):
    """A dated flow begins with these customers, at most 500 an event, after it looked at all up to `upto`; `done`: they
    were the last of the day.

    Read back by messaging alone, in a rebuild: who was there on the day is not known afterwards.
    """

    TYPE: ClassVar[str] = "flow.entered"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 429
    flow: Text
    version: Count
    day: date
    cause: Text
    details: dict[str, Any] = Field(default_factory=dict)
    entries: Annotated[tuple[FlowEntry, ...], Field(max_length=500)] = ()
    upto: Text = ""
    done: bool = False


class FlowCondition(EventData):
    """A fact that the messages of a run rest on."""

    subject: Text
    revision: Number
    value: Text


class FlowMessage(EventData):
    """A message that a move of a run asks for, on each of the channels; `at`: when it fell due."""

    step: Text
    template: Text
    purpose: MessagePurpose
    rank: Count
    channels: tuple[AnyChannel, ...]
    at: Instant


class FlowMoved(EventData):
    """What a look at a run came to: it waits at `step` until `until`, or ended for `reason`.

    `number` counts the moves of the run. `details`, `condition` and `untrue` are of the messages asked for, as the run
    has them. Read back by messaging, in a rebuild: what was known when the run moved is not known afterwards.
    """

    TYPE: ClassVar[str] = "flow.moved"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 430
    run_id: Identifier
    flow: Text
    version: Count
    cause: Text
    number: Count
    reason: Text
    step: Text | None = None
    until: Instant | None = None
    path: tuple[Text, ...] = ()
    asked: Annotated[tuple[FlowMessage, ...], Field(max_length=50)] = ()
    details: dict[str, Any] = Field(default_factory=dict)
    condition: FlowCondition | None = None
    untrue: dict[str, Any] = Field(default_factory=dict)


class ParcelPlanChanged(NewVersion):
    """A new version of the shop's parcel plan, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "parcel_plan.changed"
    TOPIC: ClassVar[str] = "messages"
    document: dict[str, Any]


class ParcelPlanned(EventData):
    """What goes into the parcel of an order, on top first, by this version of the plan (MSG-066)."""

    TYPE: ClassVar[str] = "parcel.planned"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 432
    order_id: Identifier
    version: Count
    inserts: Annotated[tuple[Text, ...], Field(max_length=100)] = ()


class InsertScanned(EventData):
    """Somebody scanned the code of an insert in the parcel of an order, for the first time (MSG-068)."""

    TYPE: ClassVar[str] = "insert.scanned"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 433
    order_id: Identifier
    insert: Text


class CouponRequested(EventData):
    """A flow or a campaign wants the customer to have a coupon of this offer, which membership issues (MEM-054).

    One a customer and `batch`, however often it is asked for. Answered by `coupon.issued`, or by `coupon.declined`.
    """

    TYPE: ClassVar[str] = "coupon.requested"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 431
    offer_id: Identifier
    batch: Identifier


class TaskWanted(EventData):
    """A flow wants a person of the shop to do something for the customer (XCT-003); feedback puts it into its queue.

    One a customer and `task_id`, however often it is asked for. `title` and `owner` name no customer. `requested_by`:
    the flow.
    """

    TYPE: ClassVar[str] = "task.wanted"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 434
    task_id: Identifier
    kind: StaffTaskKind
    title: Text
    due_at: Instant
    order_id: Identifier | None = None
    owner: Text | None = None
    requested_by: Text


class TemplateChanged(NewVersion):
    """A draft of one of the shop's templates, or its approval, which names who approved; no customer concerned.

    Versions are numbered over all templates of the shop; the newest approved one of each is in force.
    """

    TYPE: ClassVar[str] = "template.changed"
    TOPIC: ClassVar[str] = "messages"
    document: dict[str, Any]
    author: Text | None = None
    approved_by: Text | None = None


class CampaignChanged(NewVersion):
    """A campaign was written, or has come into another state, for `reason`; no customer concerned.

    Versions are numbered over all campaigns of the shop; the newest of each says how it stands.
    """

    TYPE: ClassVar[str] = "campaign.changed"
    TOPIC: ClassVar[str] = "messages"
    campaign: Text
    document: dict[str, Any]
    state: Literal["draft", "running", "paused", "stopped", "finished"]
    reason: Text | None = None


class CampaignEntry(EventData):
    """A customer of a campaign, and the variant that they get; `hold_out`: none."""

    customer: Identifier
    arm: Text


class CampaignEntered(EventData):
    """These customers came into a campaign, at most 500 an event; `done`: nobody follows.

    `looked_at`: customers of the group that were looked at, up to `upto`. Read back by messaging alone, in a rebuild.
    """

    TYPE: ClassVar[str] = "campaign.entered"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 428
    campaign: Text
    document: dict[str, Any]
    entries: Annotated[tuple[CampaignEntry, ...], Field(max_length=500)] = ()
    upto: Text = ""
    looked_at: Count = 0
    done: bool = False


class MessagesErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "messages.customer_erased"
    TOPIC: ClassVar[str] = "messages"
