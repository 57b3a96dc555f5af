"""Events that membership publishes on `membership`: a file a subject."""

from __future__ import annotations

from common.events.membership.benefits import (
    BenefitCommand,
    BenefitCommitted,
    BenefitReleased,
    BenefitReserved,
    BenefitUsed,
)
from common.events.membership.coupons import (
    CouponDeclined,
    CouponRedeemed,
    CouponsIssued,
    IssuedCoupon,
    OfferSet,
    OfferStopped,
)
from common.events.membership.members import (
    ActivityJoined,
    ActivityTakenBack,
    BalancesChanged,
    CheckInCounted,
    MemberCheckedIn,
    MemberEnrolled,
    MemberRegistered,
    MembershipFact,
    PointsExpiryWarned,
    TierChanged,
    TierDropWarned,
)
from common.events.membership.points import (
    ManualChange,
    Payout,
    PayoutReversed,
    PointsAdjusted,
    PointsPaidOut,
    PointsRedeemed,
    RedemptionCommitted,
    RedemptionReturned,
    TierGranted,
)
from common.events.membership.programme import MembershipErased, ProgrammeChanged, ProgrammeWithdrawn
from common.events.membership.referrals import ReferralCompleted, ReferralMade, ReferralNews, ReferralReversed

__all__ = [
    "ActivityJoined",
    "ActivityTakenBack",
    "BalancesChanged",
    "BenefitCommand",
    "BenefitCommitted",
    "BenefitReleased",
    "BenefitReserved",
    "BenefitUsed",
    "CheckInCounted",
    "CouponDeclined",
    "CouponRedeemed",
    "CouponsIssued",
    "IssuedCoupon",
    "ManualChange",
    "MemberCheckedIn",
    "MemberEnrolled",
    "MemberRegistered",
    "MembershipErased",
    "MembershipFact",
    "OfferSet",
    "OfferStopped",
    "Payout",
    "PayoutReversed",
    "PointsAdjusted",
    "PointsExpiryWarned",
    "PointsPaidOut",
    "PointsRedeemed",
    "ProgrammeChanged",
    "ProgrammeWithdrawn",
    "RedemptionCommitted",
    "RedemptionReturned",
    "ReferralCompleted",
    "ReferralMade",
    "ReferralNews",
    "ReferralReversed",
    "TierChanged",
    "TierDropWarned",
    "TierGranted",
]
