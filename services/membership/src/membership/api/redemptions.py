"""How does a checkout spend a member's points, and take that back? Once per id, whatever is repeated (MEM-050)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from common.api import Tx, require
from common.events.fields import ABSURD, Currency, Identifier
from common.events.membership import PointsRedeemed, RedemptionReturned
from common.fold import current
from membership.api.commands import carry_out, time_of_command
from membership.api.refusals import (
    InsufficientPoints,
    OrderEnded,
    OrderPaidAlready,
    RedemptionDiffers,
    TooLargeShare,
    UnknownMember,
    UnknownRedemption,
    WrongCurrency,
)
from membership.domain.membership import MemberFolding
from membership.domain.points.redemption import most_points, worth
from membership.store import programmes, redemptions

router = APIRouter(prefix="/v1/shops/{shop}/redemptions", tags=["redemptions"])
RedemptionId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\s/#|\x00]+$")]


class RedemptionIn(BaseModel):
    """`order_total` in minor units, before the points; `redemption_id` is the shop's own and makes repeats harmless."""

    model_config = ConfigDict(extra="forbid")
    redemption_id: Identifier
    customer: Identifier
    points: Annotated[int, Field(gt=0, le=ABSURD, strict=True)]
    order_total: Annotated[int, Field(gt=0, le=ABSURD, strict=True)]
    currency: Currency
    order_id: Identifier | None = None


class RedemptionOut(BaseModel):
    """`worth` in minor units of the currency: what the points take off the order."""

    redemption_id: str
    customer: str
    points: int
    worth: int
    currency: str
    order_id: str | None
    status: Literal["accepted", "returned"]
    at: datetime
    returned_at: datetime | None = None


def _out(row: Row[Any]) -> RedemptionOut:
    return RedemptionOut(
        redemption_id=row.redemption_id, customer=row.customer, points=row.points, worth=row.worth,
        currency=row.currency, order_id=row.order_id, at=row.at, returned_at=row.returned_at,
        status="returned" if row.returned_at else "accepted",
    )  # fmt: skip


def _same(row: Row[Any], body: RedemptionIn) -> bool:
    # After a rebuild the order's total is not known any more.
    return (row.customer, row.points, row.currency, row.order_id) == (
        body.customer, body.points, body.currency, body.order_id,
    ) and row.order_total in (None, body.order_total)  # fmt: skip


@router.post("", dependencies=[require("redemptions:write")])
async def redeem(shop: str, body: RedemptionIn, tx: Tx) -> RedemptionOut:
    """Spend points on an order: promised when answered, and never taken back by late news."""
    key = (shop, body.customer)
    rules = await programmes.get_rules(tx, [shop])
    at = await time_of_command(tx, key)
    known = await redemptions.get_redemption(tx, shop, body.redemption_id)
    if known is not None:
        if not _same(known, body):
            raise RedemptionDiffers(body.redemption_id)
        return _out(known)
    points = rules[shop].at(at).points
    currency = rules[shop].currency_at(at)
    if body.currency != currency:
        raise WrongCurrency(body.currency, currency)
    most = most_points(body.order_total, points, body.currency)
    if body.points > most:
        raise TooLargeShare(most)
    folding = MemberFolding(rules)
    state = await current(tx, folding, key, at)
    if state.enrolled is None:
        raise UnknownMember(body.customer)
    order = state.orders.get(body.order_id) if body.order_id is not None else None
    if order is not None and (order.completed is not None or order.undone):
        raise OrderEnded(body.order_id or "")
    if body.points > state.available:
        raise InsufficientPoints(body.points, state.available)
    data = PointsRedeemed(
        redemption_id=body.redemption_id, points=body.points, order_id=body.order_id,
        worth=worth(body.points, points, body.currency), currency=body.currency,
    )  # fmt: skip
    # Another customer may be using the id at this moment: whoever comes second finds it taken.
    if not await redemptions.insert_redemption(tx, shop, body.customer, data, at, body.order_total):
        raise RedemptionDiffers(body.redemption_id)
    if not await carry_out(tx, folding, key, f"redemption-{body.redemption_id}", at, data):
        raise RedemptionDiffers(body.redemption_id)
    return RedemptionOut(
        redemption_id=body.redemption_id, customer=body.customer, points=body.points, worth=data.worth,
        currency=body.currency, order_id=body.order_id, status="accepted", at=at,
    )  # fmt: skip


@router.get("/{redemption_id}", dependencies=[require("redemptions:read")])
async def get_redemption(shop: str, redemption_id: RedemptionId, tx: Tx) -> RedemptionOut:
    row = await redemptions.get_redemption(tx, shop, redemption_id)
    if row is None:
        raise UnknownRedemption(redemption_id)
    return _out(row)


@router.post("/{redemption_id}/return", dependencies=[require("redemptions:write")])
async def return_redemption(shop: str, redemption_id: RedemptionId, tx: Tx) -> RedemptionOut:
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
    paid = [n for n, o in state.orders.items() if redemption_id in o.redemptions and o.factor is not None]
    if paid:
        raise OrderPaidAlready(paid[0])
    await carry_out(tx, folding, key, f"return-{redemption_id}", at, RedemptionReturned(redemption_id=redemption_id))
    row = await redemptions.get_redemption(tx, shop, redemption_id)
    assert row is not None
    return _out(row)
