"""Coupons over HTTP: a code looked up, a customer's open ones, and uses on orders (MEM-054)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import ABSURD, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.people import Person
from membership.commands import coupons as commands
from membership.coupons import store, store_uses
from membership.coupons.offer import offer_of
from membership.coupons.refusals import UnknownCoupon
from membership.coupons.using import UseStatus

router = Router(prefix="/v1/shops/{shop}", tags=["coupons"])


class CouponOut(BaseModel):
    """`uses` of `use_limit` (null: as often as the offer allows) are reserved or committed."""

    code: str
    offer_id: str
    customer: str | None
    valid_from: datetime
    valid_until: datetime
    use_limit: int | None
    uses: int
    status: Literal["open", "used", "voided", "expired"]


class OpenCoupon(BaseModel):
    code: str
    offer_id: str
    name: str
    valid_from: datetime
    valid_until: datetime


class OpenCoupons(BaseModel):
    coupons: list[OpenCoupon]


class CouponUseIn(Body):
    """`amount`: what the checkout says that it takes off, minor units of the shop's currency."""

    order_id: Identifier
    customer: Identifier | None = None
    amount: Annotated[int, Field(ge=0, le=ABSURD, strict=True)]


class CouponUseOut(BaseModel):
    """`over_limit`: a paid order says that it used the coupon, which was not to be used on it; `refused`: why.

    `gifts`: SKUs that come with it.
    """

    code: str
    offer_id: str
    order_id: str
    customer: str | None
    amount: int
    currency: str
    status: UseStatus
    refused: str | None
    gifts: list[str]
    at: datetime


class GiftGivenOut(BaseModel):
    """Gifts by SKU that came, or are to come, with an order."""

    gifts: list[str]
    offer_id: str
    code: str
    order_id: str
    status: UseStatus
    at: datetime


class GiftsGivenOut(BaseModel):
    items: list[GiftGivenOut]


def _coupon(row: Row[Any], now: datetime) -> CouponOut:
    used = row.use_limit is not None and row.uses >= row.use_limit
    expired = "expired" if now >= row.valid_until else "open"
    return CouponOut.model_validate(
        {**row._mapping, "status": "voided" if row.voided_at else "used" if used else expired}
    )


def _use(row: Row[Any]) -> CouponUseOut:
    return CouponUseOut.model_validate(dict(row._mapping))


@router.get("/coupons/{code}", dependencies=[require("redemptions:read")])
async def get_coupon(shop: ShopName, code: Identifier, tx: Tx) -> CouponOut:
    row = await store.get_coupon(tx, shop, code)
    if row is None:
        raise UnknownCoupon(code)
    return _coupon(row, tx.clock.now())


@router.get("/members/{customer}/coupons", dependencies=[require("redemptions:read")])
async def list_open(
    shop: ShopName, customer: Person, tx: Tx, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> OpenCoupons:
    """The customer's own coupons that are open, those first that end first."""
    people = await commands.people_of(tx, shop, customer)
    rows = await store.usable_coupons(tx, shop, people, [], tx.clock.now(), limit)
    return OpenCoupons(coupons=open_coupons(rows, people))


@router.get("/members/{customer}/gifts", dependencies=[require("redemptions:read")])
async def list_gifts_of_member(
    shop: ShopName, customer: Person, tx: Tx, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> GiftsGivenOut:
    """What gifts the customer was given, the newest first; of a series the next one comes (MEM-064)."""
    people = await commands.people_of(tx, shop, customer)
    rows = await store_uses.gifts_of_customer(tx, shop, people, limit)
    return GiftsGivenOut(items=[GiftGivenOut.model_validate(dict(row._mapping)) for row in rows])


def open_coupons(rows: Sequence[Row[Any]], people: Sequence[str]) -> list[OpenCoupon]:
    mine = sorted((row for row in rows if row.customer in people), key=lambda row: (row.valid_until, row.code))
    return [
        OpenCoupon(
            code=row.code,
            offer_id=row.offer_id,
            name=offer_of(row.terms).name,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for row in mine
    ]


@router.post("/coupons/{code}/uses", dependencies=[require("redemptions:write")])
async def reserve_coupon(shop: ShopName, code: Identifier, body: CouponUseIn, tx: Tx) -> CouponUseOut:
    """Reserve a coupon for an order: promised when answered; of a thousand calls at once one gets the last use.

    It is committed when the order is paid, and comes back when it is closed. Repeating it is harmless.
    """
    return _use(await commands.reserve(tx, shop, commands.Asked(code, body.order_id, body.customer, body.amount)))


@router.post("/coupons/{code}/uses/{order_id}/commit", dependencies=[require("redemptions:write")])
async def commit_coupon(shop: ShopName, code: Identifier, order_id: Identifier, tx: Tx) -> CouponUseOut:
    """The use is for good, before news of the paid order comes. Repeating it is harmless."""
    return _use(await commands.commit(tx, shop, code, order_id))


@router.post("/coupons/{code}/uses/{order_id}/release", dependencies=[require("redemptions:write")])
async def release_coupon(shop: ShopName, code: Identifier, order_id: Identifier, tx: Tx) -> CouponUseOut:
    """Give a reserved use back. Repeating it is harmless."""
    return _use(await commands.release(tx, shop, code, order_id))


@router.post("/coupons/{code}/void", dependencies=[require("programme:write")])
async def void_coupon(shop: ShopName, code: Identifier, tx: Tx) -> CouponOut:
    """Take a coupon back; what was reserved on an order stays promised. Repeating it is harmless."""
    return _coupon(await commands.void(tx, shop, code), tx.clock.now())
