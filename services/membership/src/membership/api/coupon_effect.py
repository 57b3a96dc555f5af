"""The effect of coupons over HTTP: a batch beside those whom it left out (ANA-032, ANA-036, ANA-037)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from membership.commands.coupon_effect import coupon_effect
from membership.coupons.effect import Group, Reason

router = Router(prefix="/v1/shops/{shop}/offers", tags=["offers"])


class CouponGroupOut(BaseModel):
    """`looked_at` of the `customers`, drawn evenly where there are many; the other figures are of these. `spend`: less
    refunds. `percent` of them have ordered; `order_value` by order, `spend_each` by customer; null: of none."""

    customers: int
    looked_at: int
    buyers: int
    orders: int
    spend: int
    percent: Decimal | None
    order_value: int | None
    spend_each: int | None


class CouponEffectOut(BaseModel):
    """Amounts in minor units. `until`: when the last one's days end; `complete`: they have ended.

    `difference` in percentage points, with its 95 % interval from `low` to `high` (Newcombe 1998); `certain`: 0 lies
    outside. `extra_orders`: that would not have come, of all with a coupon; `cost_per_extra_order`: what the coupons
    took off by each, null where there are none. `reason`: why nothing is told: `no_hold_out`, nobody was left out;
    `nobody_issued`. `order_value_change` in percent: of an order with a coupon in the house beside one without.
    """

    offer_id: str
    batch: str
    days: int
    currency: str
    until: datetime
    complete: bool
    issued: CouponGroupOut
    held_out: CouponGroupOut
    taken_off: int
    reason: Reason | None
    difference: Decimal | None
    low: Decimal | None
    high: Decimal | None
    certain: bool
    extra_orders: int | None
    cost_per_extra_order: int | None
    order_value_change: Decimal | None


def _percent(share: float | None) -> Decimal | None:
    return None if share is None else Decimal(share * 100).quantize(Decimal("0.01"))


def _group(group: Group) -> CouponGroupOut:
    return CouponGroupOut(
        **group._asdict(), percent=_percent(group.share), order_value=group.order_value, spend_each=group.spend_each
    )


@router.get("/{offer_id}/effect", dependencies=[require("programme:read")])
async def get_effect(
    shop: ShopName,
    offer_id: Identifier,
    tx: Tx,
    batch: Annotated[str, Query(max_length=200, description="of the coupons; by the command, the segment's id")],
    days: Annotated[int, Query(ge=1, le=366, description="orders paid so many days after the issue count")] = 30,
) -> CouponEffectOut:
    """What a batch of coupons brought, against those whom it left out (`hold_out` of the issue)."""
    found = await coupon_effect(tx, shop, offer_id, batch, days)
    ours, theirs, effect = found.issued.order_value, found.held_out.order_value, found.effect
    return CouponEffectOut(
        offer_id=offer_id,
        batch=batch,
        days=days,
        currency=found.currency,
        until=found.until,
        complete=found.until <= tx.clock.now(),
        issued=_group(found.issued),
        held_out=_group(found.held_out),
        taken_off=found.taken_off,
        reason=effect.reason,
        difference=_percent(effect.difference),
        low=_percent(effect.low),
        high=_percent(effect.high),
        certain=effect.certain,
        extra_orders=effect.extra_orders,
        cost_per_extra_order=effect.cost_per_extra,
        order_value_change=_percent(ours / theirs - 1) if ours is not None and theirs else None,
    )
