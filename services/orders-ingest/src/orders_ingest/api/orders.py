"""How does a shop without events tell its orders, and see what came of them? Plain upserts, one order, totals."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import Currency, Cursor, Identifier, Instant, Minor, PersonalText, ShopName, Text
from common.events.orders import OrderLine, OrderState
from common.http.api import Body, Caller, Tx, require
from common.http.problems import Problem
from common.process.runtime import Runtime
from orders_ingest.api.events import OutcomeOut, Refused, ResultsOut
from orders_ingest.intake.checks import Offered, Outcome, check, refused_time
from orders_ingest.intake.collector import vault_of
from orders_ingest.intake.take import take
from orders_ingest.orders import store
from orders_ingest.orders.implied import implied_events

router = APIRouter(prefix="/v1/shops/{shop}", tags=["orders"])


class UnknownOrder(Problem):
    def __init__(self, order_id: str) -> None:
        super().__init__(404, "unknown_order", f"The shop has told no order {order_id!r} yet.")


class OrderIn(Body):
    """The order as it stands; `time` is when it reached `state`. Amounts in minor units of `currency`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer": "ann",
                    "state": "completed",
                    "time": "2025-03-04T09:50:00+01:00",
                    "currency": "EUR",
                    "goods_paid": 12900,
                }
            ]
        }
    )
    customer: Identifier | None = None
    state: OrderState
    time: Instant
    currency: Currency
    goods_paid: Minor
    freight: Minor = 0
    list_total: Minor | None = None
    lines: list[OrderLine] = Field([], max_length=5_000)
    placed_at: Instant | None = None
    paid_at: Instant | None = None
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None
    completed_at: Instant | None = None
    closed_at: Instant | None = None
    carrier: Text | None = None
    tracking: Text | None = None
    platform: Text | None = None
    traffic_source: Text | None = None
    coupons: list[Text] = Field([], max_length=100)
    promotions: list[Text] = Field([], max_length=100)
    redemption_id: Identifier | None = None
    remark: PersonalText | None = None
    recipient: PersonalText | None = None


@router.put("/orders/{order_id}", status_code=202, response_model=ResultsOut)
async def put_order(
    shop: ShopName,
    order_id: Identifier,
    body: OrderIn,
    request: Request,
    caller: Annotated[Caller, require("events:write")],
) -> Response:
    """Tell an order as it stands; states that its times say it passed are told with it, each once (ORD-031).

    The same order again changes nothing; a corrected one needs a later `time`. Answered 202 when durable.
    """
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock.now()
    order = body.model_dump(exclude_none=True)
    bad = refused_time(order_id, now, (value for value in order.values() if isinstance(value, datetime)))
    if bad is not None:
        raise Refused(bad)
    async with runtime.database.transaction() as tx:
        stored = await store.get_order(tx, shop, order_id)
    said = orjson.dumps(await request.json(), option=orjson.OPT_SORT_KEYS)
    checked: list[Offered] = []
    for event in implied_events(shop, order_id, body.customer, order, stored.state if stored is not None else None):
        found = check(event, shop, now, said)
        if isinstance(found, Outcome):
            raise Refused(found)
        checked.append(found)
    outcomes = await runtime.database.run(lambda tx: take(tx, vault_of(request.app), checked))
    if outcomes[-1].status == "refused":
        raise Refused(outcomes[-1])
    results = [OutcomeOut(**outcome.as_dict()) for outcome in outcomes]
    return Response(ResultsOut(results=results).model_dump_json(exclude_none=True), 202, media_type="application/json")


class OrderLineOut(BaseModel):
    sku: str
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    kind: Literal["goods", "gift", "sample"]
    quantity: int
    unit_price: int | None = None
    paid: int


class OrderOut(BaseModel):
    """An order without its personal fields. Amounts in minor units of `currency`."""

    order_id: str
    customer: str | None = Field(description="null: nobody is known to have ordered it")
    state: OrderState
    time: datetime = Field(description="when it reached `state`")
    currency: str
    goods_paid: int
    freight: int
    refunded: int = Field(description="what was paid back of its goods, by refunds that count")
    list_total: int | None = None
    lines: list[OrderLineOut]
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    completed_at: datetime | None = None
    closed_at: datetime | None = None
    carrier: str | None = None
    tracking: str | None = None
    platform: str | None = None
    traffic_source: str | None = None
    coupons: list[str]
    promotions: list[str]
    redemption_id: str | None = None
    version: int | None = Field(None, description="the shop's own number of this version")
    revision: int = Field(description="by which consumers know the newest version")


@router.get("/orders/{order_id}", dependencies=[require("orders:read")])
async def get_order(shop: ShopName, order_id: Identifier, tx: Tx) -> OrderOut:
    """One order as its newest version says."""
    row = await store.get_order(tx, shop, order_id)
    if row is None:
        raise UnknownOrder(order_id)
    order = orjson.loads(row.body)
    return OrderOut(**{**order, "customer": row.customer or None, "time": row.at, "refunded": row.refunded})


RefundState = Literal["counted", "held", "set_aside"]


class RefundOut(BaseModel):
    """`held`: it waits for its order, or for its payment; `set_aside`: its order did not fit it (`slug`).

    Neither counts.
    """

    refund_id: str
    order_id: str | None = Field(description="null: no order was found for it")
    customer: str | None = Field(description="the order's; of one that does not count: whom it names")
    amount: int
    freight: int
    currency: str
    at: datetime
    state: RefundState
    slug: str | None = None


@router.get("/refunds", dependencies=[require("orders:read")])
async def list_refunds(
    shop: ShopName,
    tx: Tx,
    state: Annotated[RefundState | None, Query(description="absent: all")] = None,
    after: Annotated[Cursor, Query()] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[RefundOut]:
    """The shop's refunds by id; `after` is the last id of the page before.

    One that was set aside is mended by telling its `refund_id` again with another event.
    """
    rows = await store.list_refunds(tx, shop, state, after, limit)
    return [RefundOut.model_validate({**row._mapping, "customer": row.customer or None}) for row in rows]


class OrdersOut(BaseModel):
    """The orders of one currency and state; `first` and `last` say when they reached it."""

    currency: str
    state: OrderState
    orders: int
    without_customer: int
    goods_paid: int
    freight: int
    first: datetime
    last: datetime


class RefundsOut(BaseModel):
    """The refunds of one currency that count; `unmatched`: those of no known order."""

    currency: str
    refunds: int
    unmatched: int
    amount: int
    freight: int


class ReportOut(BaseModel):
    """`buyers` have ordered, `profiles` were told, `customers` are known by either, `consents` stand as given."""

    shop: str
    orders: list[OrdersOut]
    refunds: list[RefundsOut]
    buyers: int
    profiles: int
    customers: int
    consents: int


@router.get("/report", dependencies=[require("orders:read")])
async def get_report(shop: ShopName, tx: Tx) -> ReportOut:
    """The shop's totals: orders by currency and state, refunds, customers. Amounts in minor units."""
    return ReportOut.model_validate(await store.get_report(tx, shop))
