"""Events that membership publishes on `membership`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.events.customers import ErasureConfirmed
from common.events.envelope import EventData, NewVersion
from common.events.fields import Count, Identifier, Instant, Minor, Number, PersonalText, Revision, Text


class MembershipFact(EventData):
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 400
    revision: Revision = 0


class MemberEnrolled(MembershipFact):
    TYPE: ClassVar[str] = "member.enrolled"
    HOW: ClassVar[tuple[str, ...]] = ("tier", "tier_id")
    enrolled_at: Instant
    tier: Text
    tier_id: Text | None = None


class TierChanged(MembershipFact):
    """`old` and `new` are names as they are shown, `old_id` and `new_id` what stays when a tier is renamed.

    `reason`: upgrade, renewal, grace, downgrade, refund, correction, programme (a new ladder has taken force).
    `rule`: what justified it (C-4).
    """

    TYPE: ClassVar[str] = "tier.changed"
    HOW: ClassVar[tuple[str, ...]] = ("old", "old_id", "direction", "reason", "rule")
    old: Text
    new: Text
    old_id: Text | None = None
    new_id: Text | None = None
    direction: Text  # up, down, same (renewed or grace began)
    reason: Text
    rule: Text | None = None
    term_ends: Instant | None = None
    in_grace: bool = False


class TierDropWarned(MembershipFact):
    """The term ends soon, at `term_ends`, and the member does not qualify yet; any one of what is missing suffices.

    `missing_spend` in minor units; None: the tier is not kept that way.
    """

    TYPE: ClassVar[str] = "tier.drop_warned"
    tier: Text
    tier_id: Text
    term_ends: Instant
    missing_spend: Number | None = None
    missing_orders: Number | None = None
    missing_growth: Number | None = None
    missing_points: Number | None = None


class BalancesChanged(MembershipFact):
    """Points and growth value after the change, whole ones; `debt` is what a clawback of points could not find.

    `points_change`: of what can be spent (less debt) or, where that stays, of what is pending. Growth is no points:
    never spent, never expiring (MEM-016). `origin` is what growth was earned by or taken from: `order/<id>`,
    `review/<id>`, `activity/<id>`, `referral/<id>`, `check-in/<date>`; None where growth stays, or late news changed
    several.
    """

    TYPE: ClassVar[str] = "balances.changed"
    HOW: ClassVar[tuple[str, ...]] = ("points_change", "growth_change", "reason", "order_id", "origin")
    pending: Number
    available: Number
    debt: Number = 0
    growth: Number
    points_change: Number
    growth_change: Number
    reason: Text
    order_id: Text | None = None
    origin: Text | None = None


class CheckInCounted(MembershipFact):
    """A check-in was the first of a calendar day of the shop (MEM-046), or late news has changed what was announced.

    `day`: the last day that counted; `streak`: the days in a row up to it; `points`: what all check-ins earned.
    """

    TYPE: ClassVar[str] = "check_in.counted"
    day: date
    streak: Count
    points: Number


class PointsExpiryWarned(MembershipFact):
    """`points` expire together at `expires_at`, the soonest of the member's, unless they are used before."""

    TYPE: ClassVar[str] = "points.expiry_warned"
    points: Number
    expires_at: Instant


class BenefitUsed(MembershipFact):
    """A use of a benefit was reserved, committed (its order was shipped or completed) or released (MEM-033).

    `uses`: all ever reserved and not released; `committed`: those of them that were committed. `benefit`,
    `order_id` and `status` are None where late news changed the figures.
    """

    TYPE: ClassVar[str] = "benefit.used"
    HOW: ClassVar[tuple[str, ...]] = ("benefit", "order_id", "status")
    benefit: Text | None = None
    order_id: Identifier | None = None
    status: Literal["reserved", "committed", "released"] | None = None
    uses: Number
    committed: Number


class BenefitCommand(EventData):
    """An accepted command about the use of a benefit on an order, or on a booking of that id (MEM-033)."""

    TOPIC: ClassVar[str] = "membership"
    benefit: Text
    order_id: Identifier


class BenefitReserved(BenefitCommand):
    """The use was promised, and late news never takes it back; it counts in the period that holds `day`."""

    TYPE: ClassVar[str] = "benefit.reserved"
    RANK: ClassVar[int] = 240
    day: date


class BenefitCommitted(BenefitCommand):
    """The order was shipped, or the booking taken up: the use is for good."""

    TYPE: ClassVar[str] = "benefit.committed"
    RANK: ClassVar[int] = 241


class BenefitReleased(BenefitCommand):
    """The use is given back before it was committed."""

    TYPE: ClassVar[str] = "benefit.released"
    RANK: ClassVar[int] = 242


class IssuedCoupon(EventData):
    """One coupon; `customer` None: whoever has the code may use it."""

    code: Text
    customer: Identifier | None = None


class CouponsIssued(EventData):
    """Coupons of one offer were issued together (MEM-054), at most 500 an event; no customer concerned."""

    TYPE: ClassVar[str] = "coupon.issued"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 410
    offer_id: Identifier
    batch: Identifier
    valid_from: Instant
    valid_until: Instant
    coupons: Annotated[tuple[IssuedCoupon, ...], Field(max_length=500)]


class CouponDeclined(EventData):
    """What `coupon.requested` asked for is not issued.

    There is no such offer, it needs no coupons, it is over, or the customer was given enough of late (MEM-083).
    """

    TYPE: ClassVar[str] = "coupon.declined"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 412
    offer_id: Identifier
    batch: Identifier
    reason: Literal["unknown_offer", "no_coupons_needed", "offer_over", "enough_promotions"]


class CouponRedeemed(EventData):
    """A coupon was used on an order, or a use of it has moved on (MEM-054).

    `reserved` at checkout, `committed` when the order was paid, `released` when it was closed or the checkout gave it
    back; `over_limit`: an order that was paid says that it used the coupon, which was not to be used on it, and
    `refused` says why (as a checkout is told). `amount`: what it took off, in minor units.
    """

    TYPE: ClassVar[str] = "coupon.redeemed"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 411
    offer_id: Identifier
    code: Text
    order_id: Identifier
    status: Literal["reserved", "committed", "released", "over_limit"]
    amount: Minor
    currency: Text
    refused: Text | None = None


class PointsRedeemed(EventData):
    """An accepted command: `points` were promised at `time` and are never un-promised by late news (MEM-052)."""

    TYPE: ClassVar[str] = "points.redeemed"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 200
    redemption_id: Identifier
    points: Number
    order_id: Identifier | None = None
    order_total: Number | None = None  # minor units, before the points
    worth: Number  # minor units
    currency: Text


class RedemptionReturned(EventData):
    """An accepted command: the redemption was taken back before its order was paid."""

    TYPE: ClassVar[str] = "points.redemption_returned"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 210
    redemption_id: Identifier


class RedemptionCommitted(EventData):
    """An order that names no redemption, being another customer's or nobody's, was paid: its points stay spent."""

    TYPE: ClassVar[str] = "points.redemption_committed"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 205
    redemption_id: Identifier
    order_id: Identifier


class Payout(EventData):
    """Points that were granted; `origin`: `compensation/<ticket>`, `reward/<claim>`, `referral/<…>`, each paid once."""

    TOPIC: ClassVar[str] = "membership"
    origin: Text
    points: Number


class PointsPaidOut(Payout):
    """The points were given (FBK-029, MEM-071)."""

    TYPE: ClassVar[str] = "points.paid_out"
    RANK: ClassVar[int] = 252


class PayoutReversed(Payout):
    """The points of a reward are taken back, since its order was refunded whole (MEM-070)."""

    TYPE: ClassVar[str] = "points.payout_reversed"
    RANK: ClassVar[int] = 253


class ReferralMade(EventData):
    """The customer, who is new, came by the code of `referrer` (MEM-087); `held`: a person looks at it first."""

    TYPE: ClassVar[str] = "referral.made"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 260
    referral_id: Identifier
    referrer: Identifier
    held: bool = False


class ReferralNews(EventData):
    """Of one of the two whom a referral concerns; `round`: 2 where the first reward was taken back, and so on."""

    TOPIC: ClassVar[str] = "membership"
    referral_id: Identifier
    round: Count
    role: Literal["referrer", "referee"]

    @property
    def origin(self) -> str:
        """What names the reward for ever."""
        return f"referral/{self.referral_id}-{self.role}-{self.round}"


class ReferralCompleted(ReferralNews):
    """An order of the new customer counts: the reward is due, once (MEM-087). `form` says which field holds it."""

    TYPE: ClassVar[str] = "referral.completed"
    RANK: ClassVar[int] = 261
    form: Literal["points", "coupon", "gift", "none"]
    points: Count | None = None
    offer_id: Identifier | None = None
    gift: Text | None = None


class ReferralReversed(ReferralNews):
    """No order of the new customer counts any more, or a merge shows that there was none: the reward is taken back."""

    TYPE: ClassVar[str] = "referral.reversed"
    RANK: ClassVar[int] = 262


class ManualChange(EventData):
    """An accepted command of the shop's staff; `approved_by`: the second person, where one was needed."""

    TOPIC: ClassVar[str] = "membership"
    command_id: Identifier
    reason: PersonalText | None = None
    by: Text
    approved_by: Text | None = None


class PointsAdjusted(ManualChange):
    """`points` were added, or taken where below zero; what late news takes away meanwhile never undoes it."""

    TYPE: ClassVar[str] = "points.adjusted"
    RANK: ClassVar[int] = 250
    points: Number


class TierGranted(ManualChange):
    """`tier`, by its id, from now on for a term, as if the member had qualified for it (MEM-020)."""

    TYPE: ClassVar[str] = "tier.granted"
    RANK: ClassVar[int] = 251
    tier: Text


class MemberRegistered(EventData):
    """An accepted command: the customer asked to be a member before any order (MEM-010)."""

    TYPE: ClassVar[str] = "member.registered"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 40
    source: Text | None = None


class MemberCheckedIn(EventData):
    """An accepted command: the member signed in at `time`; one a calendar day of the shop counts (MEM-046)."""

    TYPE: ClassVar[str] = "member.checked_in"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 220


class ActivityJoined(EventData):
    """An accepted command: the shop tells that the customer took part in something, or brought a friend (MEM-016).

    One `activity_id` of a customer and kind counts once.
    """

    TYPE: ClassVar[str] = "activity.joined"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 230
    activity_id: Identifier
    kind: Literal["activity", "referral"] = "activity"


class ActivityTakenBack(EventData):
    """What `activity.joined` told counts no more: the customer did not come after all, or no order of the friend who
    was brought counts any more (MEM-087)."""

    TYPE: ClassVar[str] = "activity.taken_back"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 231
    activity_id: Identifier
    kind: Literal["activity", "referral"] = "activity"


class ProgrammeChanged(NewVersion):
    """A new version of the shop's programme, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "programme.changed"
    TOPIC: ClassVar[str] = "membership"
    programme: dict[str, Any]


class ProgrammeWithdrawn(EventData):
    """A version that was to come into force never does; no customer concerned."""

    TYPE: ClassVar[str] = "programme.withdrawn"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 20
    version: Number


class MembershipErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "membership.customer_erased"
    TOPIC: ClassVar[str] = "membership"
