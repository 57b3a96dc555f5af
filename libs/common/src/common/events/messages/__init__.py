"""Events that messaging publishes on `messages`: a file a subject."""

from __future__ import annotations

from common.events.messages.campaigns import CampaignChanged, CampaignEntered, CampaignEntry, TemplateChanged
from common.events.messages.contacts import (
    ContactAddressSuppressed,
    ContactBounceLifted,
    ContactCalled,
    ContactOptedIn,
    ContactOptedOut,
    ContactPolicyChanged,
    ContactPolicyWithdrawn,
    ContactReplied,
)
from common.events.messages.erasure import MessagesErased
from common.events.messages.flows import (
    CouponRequested,
    FlowChanged,
    FlowCondition,
    FlowEntered,
    FlowEntry,
    FlowMessage,
    FlowMoved,
    TaskWanted,
)
from common.events.messages.parcels import InsertScanned, ParcelPlanChanged, ParcelPlanned
from common.events.messages.sending import (
    AddressHash,
    AnyChannel,
    MessageClicked,
    MessageDelivered,
    MessageDoubtEnded,
    MessageFact,
    MessageFailed,
    MessageHeld,
    MessagePurpose,
    MessageRead,
    MessageSent,
    MessageSuppressed,
    MessageUndelivered,
    SendDecision,
)

__all__ = [
    "AddressHash",
    "AnyChannel",
    "CampaignChanged",
    "CampaignEntered",
    "CampaignEntry",
    "ContactAddressSuppressed",
    "ContactBounceLifted",
    "ContactCalled",
    "ContactOptedIn",
    "ContactOptedOut",
    "ContactPolicyChanged",
    "ContactPolicyWithdrawn",
    "ContactReplied",
    "CouponRequested",
    "FlowChanged",
    "FlowCondition",
    "FlowEntered",
    "FlowEntry",
    "FlowMessage",
    "FlowMoved",
    "InsertScanned",
    "MessageClicked",
    "MessageDelivered",
    "MessageDoubtEnded",
    "MessageFact",
    "MessageFailed",
    "MessageHeld",
    "MessagePurpose",
    "MessageRead",
    "MessageSent",
    "MessageSuppressed",
    "MessageUndelivered",
    "MessagesErased",
    "ParcelPlanChanged",
    "ParcelPlanned",
    "SendDecision",
    "TaskWanted",
    "TemplateChanged",
]
