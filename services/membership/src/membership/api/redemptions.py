"""How does a checkout spend a member's points, and take that back? Once per id, whatever is repeated (MEM-050)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import ABSURD, Currency, Identifier, ShopName
from common.events.membership import PointsRedeemed, RedemptionReturned
from common.fold.customers import current
from common.http.api import Body, Tx, require
from membership.api.refusals import (
    InsufficientPoints,
    OrderNotOpen,
    OrderPaidAlready,
    RedemptionDiffers,
    RedemptionEnded,
    TooLargeShare,
    UnknownMember,
    UnknownRedemption,
    WrongCurrency,
)
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.points import store as redemptions
from membership.points.redemption import most_points, worth
from membership.programme import store as programmes
from membership.state import Order, RedemptionStatus

router = APIRouter(prefix="/v1/shops/{shop}/redemptions", tags=["redemptions"])


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
        redemption_id=row.redemption_id, customer=row.customer, points=row.points, worth=row.worth,
        currency=row.currency, order_id=row.order_id, at=row.at, status=row.status, returned=row.returned,
        returned_at=row.returned_at,
    )  # fmt: skip


def _same(row: Row[Any], body: RedemptionIn) -> bool:
    return (row.customer, row.points, row.currency, row.order_id, row.order_total) == (
        body.customer, body.points, body.currency, body.order_id, body.order_total,
    )  # fmt: skip


@router.post("", dependencies=[require("redemptions:write")])
async def redeem(shop: ShopName, body: RedemptionIn, tx: Tx) -> RedemptionOut:
    """Reserve points for an order: promised when answered, and never taken back by late news.

    They are committed when the order is paid, and come back when it is closed. At most a share of the order's total
    is paid with points, over all its redemptions together (MEM-052).
    """
    key = (shop, body.customer)
    rules = await programmes.get_rules(tx, [shop])
    at = await time_of_command(tx, key)
    known = await redemptions.get_redemption(tx, shop, body.redemption_id)
    if known is not None:
        if not _same(known, body):
            raise RedemptionDiffers(body.redemption_id)
        if known.status == "returned":
            raise RedemptionEnded(body.redemption_id, known.returned_at)
        return _out(known)
    points = rules[shop].at(at).points
    currency = rules[shop].currency_at(at)
    if body.currency != currency:
        raise WrongCurrency(body.currency, currency)
    folding = MemberFolding(rules)
    state = await current(tx, folding, key, at)
    if state.enrolled is None:
        raise UnknownMember(body.customer)
    order = state.orders.get(body.order_id) if body.order_id is not None else None
    ended = None if order is None else _state(order)
    if ended is not None:
        raise OrderNotOpen(body.order_id or "", ended)
    spent = await redemptions.lock_order(tx, shop, body.order_id) if body.order_id is not None else 0
    most = max(0, most_points(body.order_total, points, body.currency) - spent)
    if body.points > most:
        raise TooLargeShare(most)
    if body.points > state.available:
        raise InsufficientPoints(body.points, state.available)
    data = PointsRedeemed(
        redemption_id=body.redemption_id, points=body.points, order_id=body.order_id, order_total=body.order_total,
        worth=worth(body.points, points, body.currency), currency=body.currency,
    )  # fmt: skip
    if not await carry_out(tx, folding, key, f"redemption-{body.redemption_id}", at, data):
        raise RedemptionDiffers(body.redemption_id)
    row = await redemptions.get_redemption(tx, shop, body.redemption_id)
    assert row is not None
    if row.customer != body.customer:
        # Another customer has taken the id at this moment.
        raise RedemptionDiffers(body.redemption_id)
    return _out(row)


def _state(order: Order) -> str | None:
    """Why no points are redeemed on the order any more; None: it is open."""
    if order.refunded_whole:
        return "refunded"
    if order.closed:
        return "closed"
    if order.completed_at is not None:
        return "completed"
    return "paid" if order.paid_at is not None else None


@router.get("/{redemption_id}", dependencies=[require("redemptions:read")])
async def get_redemption(shop: ShopName, redemption_id: Identifier, tx: Tx) -> RedemptionOut:
    row = await redemptions.get_redemption(tx, shop, redemption_id)
    if row is None:
        raise UnknownRedemption(redemption_id)
    return _out(row)


@router.post("/{redemption_id}/return", dependencies=[require("redemptions:write")])
async def return_redemption(shop: ShopName, redemption_id: Identifier, tx: Tx) -> RedemptionOut:
    """Take a redemption back before its order is paid; the points return with their expiry; repeating is harmless."""
    rules = await programmes.get_rules(tx, [shop])
    row = await redemptions.get_redemption(tx, shop, redemption_id)
    if row is None:
        raise UnknownRedemption(redemption_id)
    key = (shop, row.customer)
    at = await time_of_command(tx, key)
    # Again, now that nobody else can be returning it.
    row = await redemptions.get_redemption(tx, shop, redemption_id)
    assert row is not None
    if row.returned_at is not None:
        return _out(row)
    folding = MemberFolding(rules)
    state = await current(tx, folding, key, at)
    paid = [n for n, o in state.orders.items() if redemption_id in o.redemptions and o.paid_at is not None]
    if paid:
        raise OrderPaidAlready(paid[0])
    await carry_out(tx, folding, key, f"return-{redemption_id}", at, RedemptionReturned(redemption_id=redemption_id))
    row = await redemptions.get_redemption(tx, shop, redemption_id)
    assert row is not None
    return _out(row)
