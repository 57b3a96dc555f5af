"""Redemptions over HTTP: a checkout spends a member's points and takes that back, once per id (MEM-050)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import ABSURD, Currency, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from membership.commands import redemptions as commands
from membership.points import store
from membership.points.redemption import Asked
from membership.points.refusals import UnknownRedemption
from membership.points.state import RedemptionStatus

router = Router(prefix="/v1/shops/{shop}/redemptions", tags=["redemptions"])


class RedemptionIn(Body):
    """`order_total` in minor units, before the points; `redemption_id` is the shop's own and makes repeats harmless."""

    redemption_id: Identifier
    customer: Identifier
    points: Annotated[int, Field(gt=0, le=ABSURD, strict=True)]
    order_total: Annotated[int, Field(gt=0, le=ABSURD, strict=True)]
    currency: Currency
    order_id: Identifier | None = None


class RedemptionOut(BaseModel):
    """`worth` in minor units of the currency: what the points take off the order.

    `reserved` until the order is paid, then `committed`; `returned` when all points are back (`returned` so far).
    """

    redemption_id: str
    customer: str
    points: int
    worth: int
    currency: str
    order_id: str | None
    status: RedemptionStatus
    returned: int = 0
    at: datetime
    returned_at: datetime | None = None


def _out(row: Row[Any]) -> RedemptionOut:
    return RedemptionOut(
        redemption_id=row.redemption_id,
        customer=row.customer,
        points=row.points,
        worth=row.worth,
        currency=row.currency,
        order_id=row.order_id,
        at=row.at,
        status=row.status,
        returned=row.returned,
        returned_at=row.returned_at,
    )


@router.post("", dependencies=[require("redemptions:write")])
async def redeem(shop: ShopName, body: RedemptionIn, tx: Tx) -> RedemptionOut:
    """Reserve points for an order: promised when answered, and never taken back by late news.

    They are committed when the order is paid, and come back when it is closed. At most a share of the order's total
    is paid with points, over all its redemptions together (MEM-052).
    """
    asked = Asked(body.redemption_id, body.points, body.order_total, body.currency, body.order_id)
    return _out(await commands.redeem(tx, shop, body.customer, asked))


@router.get("/{redemption_id}", dependencies=[require("redemptions:read")])
async def get_redemption(shop: ShopName, redemption_id: Identifier, tx: Tx) -> RedemptionOut:
    row = await store.get_redemption(tx, shop, redemption_id)
    if row is None:
        raise UnknownRedemption(redemption_id)
    return _out(row)


@router.post("/{redemption_id}/return", dependencies=[require("redemptions:write")])
async def return_redemption(shop: ShopName, redemption_id: Identifier, tx: Tx) -> RedemptionOut:
    """Take a redemption back before its order is paid; the points return with their expiry; repeating is harmless."""
    return _out(await commands.return_redemption(tx, shop, redemption_id))
