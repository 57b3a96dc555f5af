"""Offers set and stopped; coupons issued, declined, redeemed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.fields import Identifier, Instant, Minor, Text


class OfferSet(EventData):
    """The shop has set an offer, whose terms never change (MEM-054); no customer concerned.

    `needs_coupons`: it is used by a coupon, not by itself at the checkout.
    """

    TYPE: ClassVar[str] = "offer.set"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 21
    offer_id: Identifier
    starts: Instant
    ends: Instant
    needs_coupons: bool


class OfferStopped(EventData):
    """Of this offer nothing more is issued or used; no customer concerned."""

    TYPE: ClassVar[str] = "offer.stopped"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 22
    offer_id: Identifier


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

    There is no such offer, it needs no coupons, it is over, its amounts are not in the shop's currency any more, or the
    customer was given enough of late (MEM-083).
    """

    TYPE: ClassVar[str] = "coupon.declined"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 412
    offer_id: Identifier
    batch: Identifier
    reason: Literal["unknown_offer", "no_coupons_needed", "offer_over", "other_currency", "enough_promotions"]


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
