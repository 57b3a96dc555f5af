"""Which handler takes what; in a batch the handlers come in this order."""

from __future__ import annotations

from common.bus.subscriptions import Subscription
from common.crypto.erasing import confirmed_by
from common.crypto.keys import KEY_SUBSCRIPTIONS, KeyRing
from common.events.catalogue import ProductChanged
from common.events.customers import (
    ConsentChanged,
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
    KeyIssued,
)
from common.events.membership import (
    CouponDeclined,
    CouponRedeemed,
    CouponsIssued,
    MemberEnrolled,
    OfferSet,
    OfferStopped,
)
from common.events.messages import (
    CampaignChanged,
    CampaignEntered,
    ContactAddressSuppressed,
    ContactBounceLifted,
    ContactCalled,
    ContactOptedIn,
    ContactOptedOut,
    ContactPolicyChanged,
    ContactPolicyWithdrawn,
    ContactReplied,
    FlowChanged,
    FlowEntered,
    FlowMoved,
    InsertScanned,
    MessageClicked,
    MessageDelivered,
    MessageDoubtEnded,
    MessageFailed,
    MessageHeld,
    MessageRead,
    MessageSent,
    MessagesErased,
    MessageSuppressed,
    MessageUndelivered,
    ParcelPlanChanged,
    ParcelPlanned,
    TemplateChanged,
)
from common.events.orders import (
    OrderCompleted,
)
from common.events.segments import SegmentDefined
from messaging.flows.starters import COMPLAINTS, CONDITIONS, ORDERS
from messaging.handlers.asking import on_complaints, on_conditions, on_orders
from messaging.handlers.calls import on_calls
from messaging.handlers.campaigns import on_campaign_entered, on_campaigns
from messaging.handlers.consent import on_erased, on_permissions, on_suppressions
from messaging.handlers.flows import (
    on_coupon_uses,
    on_coupons,
    on_coupons_declined,
    on_entered,
    on_flow_versions,
    on_moves,
    on_products,
)
from messaging.handlers.merges import on_merges
from messaging.handlers.messages import on_messages, on_replies
from messaging.handlers.offers import on_offers_set, on_offers_stopped
from messaging.handlers.parcels import on_parcel_plans, on_planned, on_scans
from messaging.handlers.policies import on_policies, on_templates
from messaging.handlers.profiles import Profiles, on_bounces_lifted
from messaging.handlers.segments import on_segments_defined

READ_BACK = (
    Subscription(
        on_messages,
        (
            MessageHeld,
            MessageSent,
            MessageDelivered,
            MessageUndelivered,
            MessageDoubtEnded,
            MessageClicked,
            MessageRead,
            MessageFailed,
            MessageSuppressed,
        ),
    ),
    Subscription(on_replies, (ContactReplied,)),
    Subscription(on_calls, (ContactCalled,)),
    Subscription(on_planned, (ParcelPlanned,)),
    Subscription(on_scans, (InsertScanned,)),
    Subscription(on_moves, (FlowMoved,)),
    Subscription(on_entered, (FlowEntered,)),
    Subscription(on_campaign_entered, (CampaignEntered,)),
)
"""Our own facts, which a rebuild alone reads."""


def subscriptions(keys: KeyRing) -> tuple[Subscription, ...]:
    """The subscriptions, with the customers' keys for the addresses in profiles."""
    profiles = Profiles(keys)
    return (
        *KEY_SUBSCRIPTIONS,
        Subscription(on_policies, (ContactPolicyChanged, ContactPolicyWithdrawn), ahead=True),
        Subscription(on_flow_versions, (FlowChanged,), ahead=True),
        Subscription(on_campaigns, (CampaignChanged,), ahead=True),
        Subscription(on_templates, (TemplateChanged,), ahead=True),
        Subscription(on_parcel_plans, (ParcelPlanChanged,), ahead=True),
        Subscription(profiles.on_profiles, (CustomerRegistered, CustomerUpdated)),
        Subscription(profiles.on_keys, (KeyIssued,)),
        Subscription(on_bounces_lifted, (ContactBounceLifted,)),
        Subscription(on_permissions, (ConsentChanged, ContactOptedOut, ContactOptedIn)),
        Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
        Subscription(on_erased, (CustomerErased,)),
        Subscription(on_suppressions, (ContactAddressSuppressed,)),
        Subscription(on_orders, ORDERS),
        Subscription(profiles.on_enrolled, (MemberEnrolled, OrderCompleted)),
        Subscription(on_complaints, COMPLAINTS),
        Subscription(on_conditions, CONDITIONS),
        Subscription(on_products, (ProductChanged,)),
        Subscription(on_segments_defined, (SegmentDefined,)),
        Subscription(on_offers_set, (OfferSet,)),
        Subscription(on_offers_stopped, (OfferStopped,)),
        Subscription(on_coupons, (CouponsIssued,)),
        Subscription(on_coupon_uses, (CouponRedeemed,)),
        Subscription(on_coupons_declined, (CouponDeclined,)),
        *confirmed_by(MessagesErased, keeps_keys=True),
    )
