"""An example of every event as the services publish it, for docs/asyncapi.json; each one validates and decodes."""

from __future__ import annotations

from typing import Any

from common.contract.intake import CUSTOMER, OF_THE_SHOP, SHOP
from common.contract.intake import EXAMPLES as SHOPS_OWN
from common.crypto.sealing import map_personal
from common.events import Event, EventData, fact_id
from common.events.customers import CustomerErased, CustomerMerged, CustomerUnmerged, KeyIssued
from common.events.envelope import parse_time
from common.events.feedback import (
    ComplaintChanged,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    ContentApproved,
    ContentChanged,
    ContentSubmitted,
    FeedbackErased,
    LeaveReasonGiven,
    PhotoStored,
    ReviewSubmitted,
    RewardClaimed,
    RewardDecided,
    SignalsNoted,
    StaffTaskChanged,
    StaffTaskDone,
    StaffTaskRequested,
    SurveyAnswered,
    SurveyPolicyChanged,
    SurveyRequested,
)
from common.events.membership import (
    ActivityJoined,
    ActivityTakenBack,
    BalancesChanged,
    BenefitCommitted,
    BenefitReleased,
    BenefitReserved,
    BenefitUsed,
    CheckInCounted,
    CouponDeclined,
    CouponRedeemed,
    CouponsIssued,
    MemberCheckedIn,
    MemberEnrolled,
    MemberRegistered,
    MembershipErased,
    OfferSet,
    OfferStopped,
    PayoutReversed,
    PointsAdjusted,
    PointsExpiryWarned,
    PointsPaidOut,
    PointsRedeemed,
    ProgrammeChanged,
    ProgrammeWithdrawn,
    RedemptionCommitted,
    RedemptionReturned,
    ReferralCompleted,
    ReferralMade,
    ReferralReversed,
    TierChanged,
    TierDropWarned,
    TierGranted,
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
    CouponRequested,
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
    TaskWanted,
    TemplateChanged,
)
from common.events.orders import (
    DeliveryPromiseBroken,
    OrderClaimed,
    OrderCompleted,
    OrderJourneyMeasured,
    OrderReceiptDue,
)
from common.events.segments import (
    BuyerTypeChanged,
    ChurnFitted,
    ChurnReasonRecorded,
    ChurnRiskEnded,
    ChurnRiskRaised,
    GoalSet,
    LifeCycleChanged,
    LifetimeValueFitted,
    PreferenceShifted,
    RfmChanged,
    SegmentDefined,
    SegmentEntered,
    SegmentLeft,
    SegmentsErased,
    StageChanged,
    StatisticsComputed,
    TagChanged,
    ThresholdsChanged,
    ThresholdsWithdrawn,
)
from common.events.shops import EVERY_SHOP, ApiKeyIssued, ApiKeyRevoked, ImportEnded, ImportStarted, ShopSettingsChanged
from common.events.topics import TOPICS

_AT = "2025-03-04T08:50:00Z"
_SEALED = "enc:v1:ann-1:c2VhbGVkIHdpdGggdGhlIGN1c3RvbWVyJ3Mga2V5"
_QUEUED = {
    "at": _AT, "policy_version": 2, "leave_before": "2025-03-05T13:30:00Z", "address": "0f" * 16, "attempts": 1,
}  # fmt: skip
_MESSAGE = {
    "message_id": "tier-ann-2",
    "flow": "tier",
    "purpose": "marketing",
    "channel": "email",
    "template": "tier",
}
_ABOUT_A_SHOP = (
    *OF_THE_SHOP,
    ShopSettingsChanged,
    ApiKeyIssued,
    ApiKeyRevoked,
    ImportStarted,
    ImportEnded,
    ProgrammeChanged,
    ProgrammeWithdrawn,
    ThresholdsChanged,
    ThresholdsWithdrawn,
    StatisticsComputed,
    ContactPolicyChanged,
    ContactPolicyWithdrawn,
    FlowChanged,
    CampaignChanged,
    CampaignEntered,
    FlowEntered,
    SurveyPolicyChanged,
    TemplateChanged,
)
"""These concern no customer."""
_CONTENT: dict[str, Any] = {
    "content_id": "show-77",
    "kind": "buyer_show",
    "text": "The tea in my new cup.",
    "photos": ["https://shop.example/photos/show-77.jpg"],
    "order_id": "1001",
    "sku": "longjing-250",
    "as_buyer": True,
    "submitted_at": "2025-03-18T08:00:00Z",
    "revision": 1,
}
_TASK: dict[str, Any] = {
    "task_id": "task-7",
    "kind": "call",
    "title": "Call after the first order",
    "text": "Asked for green tea.",
    "order_id": "1001",
    "requested_by": "li.wei",
    "requested_at": "2025-03-18T08:00:00Z",
    "owner": "li.wei",
    "due_at": "2025-03-20T10:00:00Z",
    "revision": 1,
}
_TICKET: dict[str, Any] = {
    "ticket_id": "chat-7731",
    "kind": "quality",
    "state": "open",
    "priority": "normal",
    "source": "chat",
    "order_id": "1001",
    "text": "Half of the tea tastes of smoke.",
    "opened_at": "2025-03-12T08:50:00Z",
    "respond_by": "2025-03-12T12:50:00Z",
    "resolve_by": "2025-03-15T08:50:00Z",
    "pauses_marketing": True,
    "entry": {"entry_id": "opened", "action": "opened"},
    "revision": 1,
}
EXAMPLES: dict[type[EventData], dict[str, Any]] = {
    **{kind: data for kind, (_, data) in SHOPS_OWN.items()},
    OrderCompleted: {**SHOPS_OWN[OrderCompleted][1], "sequence": 1},
    OrderClaimed: {"order_id": "1001", "customer": CUSTOMER},
    OrderReceiptDue: {
        "order_id": "1001", "delivered_at": "2025-02-27T08:50:00Z", "completes_at": "2025-03-06T08:50:00Z",
    },
    DeliveryPromiseBroken: {"order_id": "1001", "promised_by": _AT},
    OrderJourneyMeasured: {
        "order_id": "1001", "silent": False, "decision_seconds": 1200, "compared_items": 3, "reviews_viewed": 1,
        "chats": 1, "chat_seconds": 240, "revision": 1,
    },
    CustomerMerged: {"survivor": CUSTOMER, "absorbed": "ann-at-the-counter", "sequence": 1},
    CustomerUnmerged: {"survivor": CUSTOMER, "absorbed": "ann-at-the-counter", "sequence": 2},
    KeyIssued: {"key_id": "ann-1", "wrapped": "d3JhcHBlZCBieSB0aGUgbWFzdGVyIGtleQ=="},
    CustomerErased: {},
    MembershipErased: {"kept": {"customers": 1, "ledger_entries": 12}},
    SegmentsErased: {"kept": {"customers": 1, "sales": 3}},
    MessagesErased: {"kept": {"customers": 1, "messages": 4}},
    FeedbackErased: {"kept": {"customers": 1, "surveys": 1}},
    ShopSettingsChanged: {
        "version": 1, "valid_from": "2025-01-01T00:00:00Z", "name": "Tea House", "zone": "Europe/Berlin",
        "currency": "EUR",
    },
    ApiKeyIssued: {
        "prefix": "0a1b2c3d", "hash": "5f" * 32, "shop": SHOP, "scopes": ["events:write"], "name": "backend",
    },
    ApiKeyRevoked: {"prefix": "0a1b2c3d"},
    ImportStarted: {"job_id": "tills-1"},
    ImportEnded: {"job_id": "tills-1"},
    MemberRegistered: {"source": "app"},
    MemberCheckedIn: {},
    ActivityJoined: {"activity_id": "tasting-7", "kind": "activity"},
    ActivityTakenBack: {"activity_id": "4c2f6a90-1", "kind": "referral"},
    MemberEnrolled: {"enrolled_at": _AT, "tier": "Green", "tier_id": "green", "revision": 1},
    TierChanged: {
        "old": "Green", "new": "Oolong", "old_id": "green", "new_id": "oolong", "direction": "up", "reason": "upgrade",
        "rule": "spend", "term_ends": "2026-03-04T08:50:00Z", "revision": 2,
    },
    TierDropWarned: {
        "tier": "Oolong", "tier_id": "oolong", "term_ends": "2026-03-04T23:00:00Z", "missing_spend": 12000,
        "missing_orders": 2, "revision": 9,
    },
    BalancesChanged: {
        "pending": 0, "available": 129, "growth": 129, "points_change": 129, "growth_change": 129,
        "reason": "completed", "order_id": "1001", "origin": "order/1001", "revision": 3,
    },
    CheckInCounted: {"day": "2025-03-04", "streak": 7, "points": 12, "revision": 5},
    PointsExpiryWarned: {"points": 120, "expires_at": "2025-04-01T00:00:00Z", "revision": 7},
    BenefitReserved: {"benefit": "free_shipping", "order_id": "1003", "day": "2025-03-04"},
    BenefitCommitted: {"benefit": "free_shipping", "order_id": "1003"},
    BenefitReleased: {"benefit": "free_shipping", "order_id": "1002"},
    BenefitUsed: {
        "benefit": "free_shipping", "order_id": "1003", "status": "committed", "uses": 3, "committed": 3, "revision": 6,
    },
    CouponsIssued: {
        "offer_id": "spring", "batch": "spring-1", "valid_from": _AT, "valid_until": "2025-04-01T00:00:00Z",
        "coupons": [{"code": "7F3A9C21D04B4E58", "customer": CUSTOMER}],
    },
    OfferSet: {"offer_id": "spring", "starts": _AT, "ends": "2025-04-01T00:00:00Z", "needs_coupons": True},
    OfferStopped: {"offer_id": "spring"},
    ParcelPlanned: {"order_id": "1003", "version": 1, "inserts": ["list", "tea_card"], "gift": True},
    InsertScanned: {"order_id": "1003", "insert": "tea_card"},
    ParcelPlanChanged: {
        "version": 1, "valid_from": _AT,
        "document": {"inserts": [{"insert": "tea_card", "title": "Tea", "kind": "related_products"}]},
    },
    CouponDeclined: {"offer_id": "spring", "batch": "flow:win-back", "reason": "offer_over"},
    CouponRequested: {"offer_id": "spring", "batch": "flow:win-back"},
    TaskWanted: {
        "task_id": "flow:win_back:letter:1", "kind": "letter", "title": "Write by hand that we miss them",
        "due_at": "2025-03-07T09:00:00Z", "requested_by": "flow win_back",
    },
    CouponRedeemed: {
        "offer_id": "spring", "code": "7F3A9C21D04B4E58", "order_id": "1003", "status": "committed", "amount": 500,
        "currency": "EUR",
    },
    PointsRedeemed: {
        "redemption_id": "r-1", "points": 100, "order_id": "1003", "order_total": 5000, "worth": 100, "currency": "EUR",
    },
    RedemptionReturned: {"redemption_id": "r-1"},
    RedemptionCommitted: {"redemption_id": "r-1", "order_id": "1003"},
    PointsAdjusted: {
        "command_id": "a-1", "points": 200, "reason": "her parcel was lost", "by": "li.wei", "approved_by": "zhou",
    },
    PointsPaidOut: {"origin": "reward/claim-7", "points": 645},
    ReferralMade: {"referral_id": "a7c1", "referrer": "mia", "held": False},
    ReferralCompleted: {"referral_id": "a7c1", "round": 1, "role": "referrer", "form": "points", "points": 500},
    ReferralReversed: {"referral_id": "a7c1", "round": 1, "role": "referrer"},
    PayoutReversed: {"origin": "reward/claim-7", "points": 645},
    TierGranted: {"command_id": "g-1", "tier": "oolong", "reason": "spring campaign", "by": "li.wei"},
    ProgrammeChanged: {"version": 2, "valid_from": "2025-04-01T00:00:00Z", "programme": {"enrolment": "first_order"}},
    ProgrammeWithdrawn: {"version": 2},
    StageChanged: {"old": "prospect", "new": "returning", "is_repurchaser": False, "revision": 1},
    LifeCycleChanged: {
        "old": "active", "new": "sleeping", "confidence": "medium", "usual_gap_days": 31.5, "revision": 2,
    },
    RfmChanged: {
        "cell": "211", "rfm_class": "important_value", "method": "fixed", "confidence": "low", "recency_days": 12,
        "frequency": 3, "monetary": 38700, "revision": 3,
    },
    SegmentEntered: {
        "segment": "lapsed", "episode": "lapsed-2025-05-04", "since": "2025-05-04T00:00:00Z", "revision": 4,
    },
    SegmentLeft: {"segment": "lapsed", "episode": "lapsed-2025-05-04", "revision": 5},
    ChurnReasonRecorded: {"reason": "price", "source": "call"},
    TagChanged: {"tag": "bargaining", "borne": True, "source": "chat"},
    GoalSet: {
        "version": 1,
        "valid_from": "2025-03-20T04:00:00Z",
        "goal": "repurchase-spring",
        "name": "More buyers come back",
        "kpi": "repurchase_rate",
        "since": "2025-04-01",
        "until": "2025-07-01",
        "target": 2600,
        "baseline": 2350,
    },
    SegmentDefined: {
        "version": 1, "valid_from": "2025-05-01T00:00:00Z", "segment": "quiet", "name": "Quiet regulars",
        "expression": "stage = returning and days_since_last_order >= 60",
    },
    ChurnRiskRaised: {"signals": ["silence", "order_value"], "strength": "strong", "revision": 6},
    BuyerTypeChanged: {"old": "impulsive", "new": "greedy", "confidence": "medium", "revision": 8},
    PreferenceShifted: {"rising": ["green tea"], "falling": ["cups"], "revision": 9},
    ChurnRiskEnded: {"old": "strong: silence, order_value", "revision": 7},
    ThresholdsChanged: {"version": 2, "valid_from": "2025-04-01T00:00:00Z", "thresholds": {"lapse_months": 2}},
    ThresholdsWithdrawn: {"version": 2},
    StatisticsComputed: {
        "version": 2430200, "valid_from": "2025-02-28T16:00:00Z", "month": "2025-03-01", "window_months": 12,
        "orders": 204, "gaps": 41, "median_gap_doubled": 63, "buyers": 52, "recency_sum": 4810, "frequency_sum": 97,
        "monetary": {"CNY": [1264900, 52]},
    },
    LifetimeValueFitted: {
        "version": 2430200, "valid_from": "2025-02-28T16:00:00Z", "month": "2025-03-01", "model": "mbg_nbd",
        "status": "fitted", "buyers": 2357, "repeat_buyers": 946, "sampled": 2357,
        "repeating": [0.5248, 6.1831, 0.8914, 1.614], "log_likelihood": -9582.14, "currency": "CNY",
        "spending": [6.2488, 3.7446, 15.4477], "correlation": 0.11, "horizon_days": 365,
        "grades": [1810, 3240, 5120, 11870],
    },
    ChurnFitted: {
        "version": 2430200, "valid_from": "2025-02-28T16:00:00Z", "month": "2025-03-01", "horizon_days": 91,
        "status": "fitted", "buyers": 3370, "churned": 1449, "weights": [-0.31, 0.2, -0.66, -0.05, -0.16, 0.37, 0.11],
        "means": [4.1, 0.9, 5.0, 5.7, 0.8, 0.33], "spreads": [1.2, 0.8, 0.8, 0.8, 1.1, 0.47],
        "held_out": {
            "customers": 3370, "rate": 0.43, "auc": 0.742, "recency_auc": 0.683, "brier": 0.201, "rate_brier": 0.245,
        },
        "calibration": [[1685, 0.27, 0.26], [1685, 0.59, 0.6]],
    },
    ReviewSubmitted: {
        "review_id": "rev-1", "order_id": "1001", "sku": "longjing-250", "stars": 5, "dsr_goods": 5, "dsr_service": 4,
        "dsr_shipping": 5, "text": "Fresh and well packed.", "photos": ["https://shop.example/photos/rev-1.jpg"],
    },
    SurveyRequested: {
        "survey_id": "s-1001", "kind": "usage", "form_id": "usage", "order_id": "1001",
        "answer_url": "https://shop.example/survey/s-1001.signed",
        "cause_at": "2025-03-11T08:50:00Z",
    },
    SurveyAnswered: {
        "survey_id": "s-1001", "kind": "usage", "form_id": "usage", "order_id": "1001",
        "answers": [{"question": "stars", "score": 5}, {"question": "text", "text": "Fresh and well packed."}],
    },
    LeaveReasonGiven: {"survey_id": "s-1003", "reason": "cheaper_price"},
    ComplaintOpened: _TICKET,
    ComplaintChanged: {
        **_TICKET, "state": "in_progress", "answers": 1, "answered_at": "2025-03-12T09:10:00Z", "revision": 2,
        "entry": {"entry_id": "e-2", "action": "answer", "by": "li.wei", "text": "We look into it."},
    },
    ComplaintResolved: {
        **_TICKET, "state": "resolved", "answers": 1, "answered_at": "2025-03-12T09:10:00Z", "revision": 3,
        "resolved_at": "2025-03-13T10:00:00Z", "outcome": "replaced",
        "entry": {"entry_id": "e-3", "action": "resolve", "by": "li.wei"},
    },
    ComplaintReopened: {
        **_TICKET, "state": "in_progress", "answers": 1, "answered_at": "2025-03-12T09:10:00Z", "revision": 4,
        "reopened": 1, "resolve_by": "2025-03-17T08:50:00Z",
        "entry": {"entry_id": "e-4", "action": "reopen", "text": "The new packet smells as well."},
    },
    RewardClaimed: {
        "claim_id": "rc-1", "review_id": "rev-1", "order_id": "1001", "state": "claimed", "amount": 500,
        "currency": "CNY", "revision": 1,
    },
    SignalsNoted: {
        "source": "review",
        "name": "review-2002",
        "signals": ["story"],
        "reader": "rules-1",
    },
    RewardDecided: {
        "claim_id": "rc-1", "review_id": "rev-1", "order_id": "1001", "state": "approved", "amount": 500,
        "currency": "CNY", "by": "li.wei", "revision": 2,
    },
    StaffTaskRequested: _TASK,
    StaffTaskChanged: {**_TASK, "owner": "chen.jie", "due_at": "2025-03-21T10:00:00Z", "revision": 2},
    StaffTaskDone: {
        **_TASK, "state": "ended", "outcome": "done", "remark": "Likes the new blend.", "ended_by": "chen.jie",
        "ended_at": "2025-03-20T09:00:00Z", "revision": 3,
    },
    PhotoStored: {
        "photo_id": "rotten-1", "stored_as": "teahouse/" + "5e" * 32, "content_type": "image/jpeg", "size": 204_800,
        "width": 1600, "height": 1200, "digest": "3c" * 32, "fingerprint": "c3a58f0e71d2649b",
    },
    ContentSubmitted: _CONTENT,
    ContentApproved: {
        **_CONTENT, "state": "approved", "grade": "A", "featured": True, "decided_by": "li.wei",
        "decided_at": "2025-03-19T08:00:00Z", "revision": 2,
        "reward": {"form": "points", "points": 200, "at": "2025-03-19T08:00:00Z"},
    },
    ContentChanged: {
        **_CONTENT, "state": "withdrawn", "reason": "asked for by the customer", "decided_by": "li.wei",
        "decided_at": "2025-03-25T08:00:00Z", "revision": 3,
    },
    SurveyPolicyChanged: {"version": 2, "valid_from": "2025-04-01T00:00:00Z", "policy": {"usage_question_days": 10}},
    MessageHeld: {**_MESSAGE, "reason": "window", "until": "2025-03-05T08:00:00Z", "policy_version": 2},
    MessageSent: {**_MESSAGE, "queued": _QUEUED},
    MessageClicked: {**_MESSAGE, "link": 0},
    MessageRead: {**_MESSAGE},
    MessageDelivered: {**_MESSAGE, "code": "DELIVERED"},
    MessageUndelivered: {**_MESSAGE, "code": "30003"},
    MessageDoubtEnded: {**_MESSAGE, "taken": True, "by": "li.wei"},
    MessageFailed: {**_MESSAGE, "reason": "bounced_5.1.1", "queued": _QUEUED, "bounced": "0f" * 16},
    MessageSuppressed: {
        **_MESSAGE, "reason": "cap", "detail": "3 marketing messages by email in 2025-03", "policy_version": 2,
    },
    ContactOptedOut: {"channel": "email", "purpose": "marketing", "via": "link"},
    ContactOptedIn: {"channel": "email", "purpose": "marketing", "via": "shop"},
    ContactCalled: {
        "message_id": _MESSAGE["message_id"],
        "number": 1,
        "outcome": "reached",
        "by": "Li",
        "note": "Asked for green tea",
    },
    ContactReplied: {"channel": "sms", "said": "other", "text": "Do you have it in green?"},
    ContactBounceLifted: {"channel": "email", "via": "shop", "address": "0f" * 16},
    ContactAddressSuppressed: {
        "channel": "email", "purpose": "marketing", "state": "opted_out", "said_at": _AT, "address": "0f" * 16,
    },
    ContactPolicyChanged: {"version": 2, "valid_from": "2025-04-01T00:00:00Z", "policy": {"caps": {"all_channels": 4}}},
    ContactPolicyWithdrawn: {"version": 2},
    FlowChanged: {
        "version": 3, "valid_from": "2025-04-01T00:00:00Z", "flow": "birthday",
        "document": {
            "flow": "birthday", "title": "Birthday", "trigger": {"on": "date", "date": "birthday"},
            "steps": [{"id": "say", "do": "message", "template": "birthday"}],
        },
    },
    TemplateChanged: {
        "version": 2, "valid_from": "2025-04-01T00:00:00Z", "author": "li.wei", "approved_by": "zhou.min",
        "document": {
            "template": "spring", "title": "Spring", "kind": "greeting",
            "texts": {"en": {"subject": "Spring is here", "text": "Hello.", "short": "Spring is here."}},
        },
    },
    CampaignChanged: {
        "version": 4, "valid_from": "2025-04-01T00:00:00Z", "campaign": "spring", "state": "running", "by": "li.wei",
        "document": {
            "campaign": "spring", "title": "Spring", "goal": "repurchase", "starts_at": "2025-04-02T02:00:00Z",
            "variants": [{"name": "a", "template": "win_back"}],
        },
    },
    CampaignEntered: {
        "campaign": "spring", "looked_at": 2, "upto": "bob", "done": True,
        "entries": [{"customer": "ann", "arm": "a"}, {"customer": "bob", "arm": "hold_out"}],
        "document": {
            "campaign": "spring", "title": "Spring", "goal": "repurchase", "starts_at": "2025-04-02T02:00:00Z",
            "variants": [{"name": "a", "template": "win_back"}],
        },
    },
    FlowEntered: {
        "flow": "birthday", "version": 3, "day": "2025-04-02", "cause": "birthday/2025",
        "entries": [{"customer": "ann", "at": "2025-04-02T01:30:00Z"}], "done": True,
    },
    FlowMoved: {
        "run_id": "nurture-ann-1", "flow": "nurture", "version": 0, "cause": "order/1001/nurture", "number": 2,
        "reason": "waiting", "step": "still_first", "until": "2025-03-28T02:00:00Z", "path": ["first", "still_first"],
        "asked": [
            {
                "step": "first", "template": "nurture_first", "purpose": "marketing", "rank": 4, "channels": ["email"],
                "at": "2025-03-14T02:00:00Z",
            }
        ],
        "details": {"order_id": "1001", "sequence": 1}, "untrue": {"purchase": True},
    },
}  # fmt: skip
"""By class: its data, personal texts sealed. Every class has one (a test says so)."""


def published_example(kind: type[EventData]) -> dict[str, Any]:
    """The whole event in structured mode, as its owner publishes it: personal texts are sealed."""
    owner = next(topic.owner for topic in TOPICS if topic.name == kind.TOPIC)
    shop = EVERY_SHOP if kind in (ApiKeyIssued, ApiKeyRevoked) else SHOP
    subject = None if kind in _ABOUT_A_SHOP else CUSTOMER
    return Event(
        id=fact_id("example", kind.TYPE, shop, subject or "", 0),
        source=f"/shops/{shop}/{owner}",
        shop=shop,
        subject=subject,
        time=parse_time(SHOPS_OWN[kind][0] if kind in SHOPS_OWN else _AT),
        data=map_personal(kind.model_validate(EXAMPLES[kind]), lambda _, __: _SEALED),
        partitionkey=shop,
    ).as_dict()
