"""Payouts over HTTP: what was granted, and cash and gifts that staff confirm with a reference (MEM-069, MEM-070)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from membership.commands import payouts as commands
from membership.payouts import store
from membership.payouts.rules import Form, Kind, State, Why

router = Router(prefix="/v1/shops/{shop}/payouts", tags=["payouts"])


class PaidIn(Body):
    """`reference`: of the transfer, such as Alipay's; a repetition with the same one is harmless."""

    reference: Annotated[Text, Field(min_length=1)]
    by: Staff


class PayoutOut(BaseModel):
    """`amount` in minor units. `origin`: `compensation/<ticket>`, `reward/<claim>`, `content/<id>`, or
    `referral/<id>-<role>-<round>`.

    Points and coupons are `paid` at once; cash and gifts are `due` until they are confirmed. `blocked`: not to be paid;
    `reversed`: points were taken back, a coupon is void, cash is to be. `why`: of both. `review_id`: the review that it
    is paid for, once. `paid_by`, `paid_at`: who confirmed cash or a gift, and when, whatever became of it afterwards.
    `reference`: of the transfer or parcel, or the coupon's code.
    """

    payout_id: str
    customer: str
    origin: str
    kind: Kind
    form: Form
    amount: int
    currency: str
    points: int | None
    gift: str | None
    order_id: str | None
    review_id: str | None
    state: State
    why: Why | None
    approved_by: str | None
    paid_by: str | None
    paid_at: datetime | None
    reference: str | None
    at: datetime
    moved_at: datetime


class PayoutPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[PayoutOut]
    after: str | None


def _out(row: Row[Any]) -> PayoutOut:
    return PayoutOut.model_validate({name: getattr(row, name) for name in PayoutOut.model_fields})


@router.get("", dependencies=[require("members:read")])
async def list_payouts(
    shop: ShopName,
    tx: Tx,
    state: State | None = None,
    customer: Identifier | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PayoutPage:
    """The shop's payouts by id; `state=due`: cash that staff have yet to pay, gifts to be sent."""
    rows = await store.list_payouts(tx, shop, state, customer, after, limit + 1)
    items = [_out(row) for row in rows[:limit]]
    return PayoutPage(items=items, after=items[-1].payout_id if len(rows) > limit else None)


@router.post("/{payout_id}/paid", dependencies=[require("members:approve")])
async def confirm_payout(shop: ShopName, payout_id: Identifier, body: PaidIn, tx: Tx) -> PayoutOut:
    """Say that the cash was paid or the gift sent, once, with the reference of the transfer or parcel.

    More cash than `payouts.cash_alone` is paid by another person than approved it (SEC-012).
    """
    return _out(await commands.confirm(tx, shop, payout_id, body.reference, body.by))
