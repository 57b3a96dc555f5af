"""Points that a command moves: redeemed, paid out, adjusted; tiers that a person grants."""

from __future__ import annotations

from typing import ClassVar

from common.events.envelope import EventData
from common.events.fields import Identifier, Number, PersonalText, Text


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
    """Points that were granted; `origin`: `compensation/<ticket>`, `reward/<claim>`, `content/<id>`, `referral/<…>`,
    each paid once."""

    TOPIC: ClassVar[str] = "membership"
    origin: Text
    points: Number


class PointsPaidOut(Payout):
    """The points were given (FBK-029, MEM-071)."""

    TYPE: ClassVar[str] = "points.paid_out"
    RANK: ClassVar[int] = 252


class PayoutReversed(Payout):
    """The points are taken back, since what they were given for has gone (MEM-070): an order, content, a friend."""

    TYPE: ClassVar[str] = "points.payout_reversed"
    RANK: ClassVar[int] = 253


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
