"""Checkout over HTTP: one question with a cart, one price; reserved, committed and voided by the order (issue 13)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from common.events.fields import ABSURD, Currency, Identifier, ShopName, Text
from common.events.orders import ProductMark
from common.http.api import Body, Router, Tx, require
from common.http.lean import LeanRoute
from membership.commands import checkout as commands
from membership.commands import pricing
from membership.coupons.cart import Cart, Line

router = Router(prefix="/v1/shops/{shop}/checkout", tags=["checkout"])
Money = Annotated[int, Field(ge=0, le=ABSURD, strict=True)]


class LineIn(Body):
    """`price` of one unit at the shop's price, before any discount, in minor units."""

    sku: Text
    quantity: Annotated[int, Field(ge=1, le=100_000, strict=True)]
    price: Annotated[int, Field(ge=0, le=10**10, strict=True)]
    category: Text | None = None
    mark: ProductMark | None = None


class CartIn(Body):
    """`customer` absent: somebody unknown. The customer's own coupons and automatic offers are weighed anyway."""

    customer: Identifier | None = None
    currency: Currency
    lines: Annotated[tuple[LineIn, ...], Field(min_length=1, max_length=200)]
    freight: Money = 0
    codes: Annotated[tuple[Identifier, ...], Field(max_length=20)] = ()
    points: Money = 0
    use_shipping_quota: bool = True

    @model_validator(mode="after")
    def _not_absurd(self) -> CartIn:
        if sum(line.price * line.quantity for line in self.lines) + self.freight > ABSURD:
            raise ValueError(f"the cart comes to more than {ABSURD} minor units: is a price in the wrong unit?")
        return self

    def asked(self) -> pricing.Asked:
        lines = tuple(Line(line.sku, line.quantity, line.price, line.category, line.mark) for line in self.lines)
        codes = tuple(dict.fromkeys(self.codes))
        cart = Cart(lines, self.freight)
        return pricing.Asked(self.customer, cart, self.currency, codes, self.points, self.use_shipping_quota)


class ReserveIn(CartIn):
    """`expected_total`: what the customer was shown; another one is refused, nothing is reserved then."""

    expected_total: Money | None = None


class LineOut(BaseModel):
    sku: str
    quantity: int
    total: int


class AppliedCouponOut(BaseModel):
    code: str
    offer_id: str
    name: str
    goods: int
    freight: int


class GiftOut(BaseModel):
    code: str
    sku: str
    kind: str
    quantity: int


class RefusedCouponOut(BaseModel):
    code: str
    reason: str


class PointsOut(BaseModel):
    """`most` may be used on this cart; `used` of them are `worth` so much; `earned` when the order completes."""

    available: int
    most: int
    used: int
    worth: int
    earned: int


class QuoteOut(BaseModel):
    """Minor units. `listed` - `tier_discount` - what the coupons take off `goods` = `goods`; + `freight` = `total`.

    `shipping_by_quota`: one use of the member's free shipping pays the freight. `refused`: why a given code is not
    usable; `not_used`: usable, but the price is lower or the same without it. `to_pay`: `total` less points.
    """

    currency: str
    tier: str | None
    listed: int
    tier_discount: int
    goods: int
    freight: int
    shipping_by_quota: bool
    total: int
    lines: list[LineOut]
    coupons: list[AppliedCouponOut]
    gifts: list[GiftOut]
    refused: list[RefusedCouponOut]
    not_used: list[str]
    points: PointsOut
    to_pay: int


class ReservedOut(QuoteOut):
    order_id: str
    status: Literal["reserved"]


class StatusOut(BaseModel):
    order_id: str
    status: Literal["committed", "voided"]


# Asked with every look at a cart, hundreds of times a second.
asked = Router(prefix=router.prefix, tags=router.tags, route_class=LeanRoute)


@asked.post("/quote", dependencies=[require("redemptions:read")])
async def quote(shop: ShopName, body: CartIn, tx: Tx) -> QuoteOut:
    """The lowest price of a cart for this customer as of now; nothing is written or reserved."""
    given = body.asked()
    await tx.singly()
    found = await pricing.ask_at_once(tx, shop, given)
    if found is None:
        await tx.stand_still()
        found = await pricing.ask(tx, shop, given)
    return QuoteOut.model_validate(pricing.out(given, found))


@router.post("/orders/{order_id}/reserve", dependencies=[require("redemptions:write")])
async def reserve_checkout(shop: ShopName, order_id: Identifier, body: ReserveIn, tx: Tx) -> ReservedOut:
    """Reserve coupons, shipping quota and points of the best price for an order: all of it or nothing.

    Promised when answered. Repeating it answers as the first time. Coupons are committed when the order is paid, and
    come back with the rest when it is closed.
    """
    found = await commands.reserve(tx, shop, order_id, body.asked(), body.expected_total)
    return ReservedOut.model_validate_json(found)


@router.post("/orders/{order_id}/commit", dependencies=[require("redemptions:write")])
async def commit_checkout(shop: ShopName, order_id: Identifier, tx: Tx) -> StatusOut:
    """The order is placed for good: its coupons are used, before news of its payment comes. Repeating is harmless."""
    return _status(order_id, await commands.commit(tx, shop, order_id))


@router.post("/orders/{order_id}/void", dependencies=[require("redemptions:write")])
async def void_checkout(shop: ShopName, order_id: Identifier, tx: Tx) -> StatusOut:
    """Give everything back that was reserved for the order. Repeating it is harmless."""
    return _status(order_id, await commands.void(tx, shop, order_id))


def _status(order_id: str, status: Any) -> StatusOut:
    return StatusOut(order_id=order_id, status=status)
