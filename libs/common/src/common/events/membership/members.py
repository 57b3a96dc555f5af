"""Members: enrolled, their tier, their points, their days."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from common.events.envelope import EventData
from common.events.fields import Count, Identifier, Instant, Number, Revision, Text


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
