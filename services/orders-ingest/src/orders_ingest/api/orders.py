"""Orders as they stand: plain upserts, one order, and the shop's refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import Cursor, Identifier, Instant, ShopName
from common.events.orders import OrderFields, OrderPersonal, OrderState
from common.http.api import Body, Caller, Router, Tx, require, runtime_of
from common.refusals import NotFound
from orders_ingest.api.parts import ResultsOut, answer_each, said_by, vault_of
from orders_ingest.commands import put_order as command
from orders_ingest.orders import store_reading as store
from orders_ingest.orders.rules import units_of
from orders_ingest.refunds import store as refund_store
from orders_ingest.refunds.state import State as RefundState

router = Router(prefix="/v1/shops/{shop}", tags=["orders"])


class UnknownOrder(NotFound):
    """The shop has no order of that name."""

    def __init__(self, order_id: str) -> None:
        super().__init__("unknown_order", f"The shop has sent no order {order_id!r} yet.")


class OrderIn(OrderFields, OrderPersonal, Body):
    """The order as it stands; `time` is when it reached `state`. Amounts in minor units of `currency`."""

    model_config = ConfigDict(
        extra="forbid",
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
        },
    )
    customer: Identifier | None = None
    time: Instant


@router.put("/orders/{order_id}", status_code=202, response_model=ResultsOut)
async def put_order(
    shop: ShopName,
    order_id: Identifier,
    body: OrderIn,
    request: Request,
    caller: Annotated[Caller, require("events:write")],
) -> Response:
    """Take an order as it stands; states that its times say it passed are taken with it, each once (ORD-031).

    The same order again changes nothing; a corrected one needs a later `time`. Answered 202 when durable.
    """
    order, vault = body.model_dump(exclude_none=True), vault_of(request.app)
    original = said_by(body)
    database = runtime_of(request).database
    found = await database.run(lambda tx: command.put_order(tx, vault, shop, order_id, order, original))
    if (refusal := found[-1].refusal) is not None:
        raise refusal
    return answer_each(found)


class OrderOut(OrderFields):
    """An order without its personal fields. Amounts in minor units of `currency`."""

    order_id: str
    customer: str | None = Field(description="null: nobody is known to have ordered it")
    sequence: int | None = Field(
        description="the number of the order among those of its customer that completed, given once; null: it has not"
    )
    time: datetime = Field(description="when it reached `state`")
    units: int = Field(description="pieces of goods sold; gifts and samples are not counted (ORD-007)")
    refunded: int = Field(description="what was paid back of its goods, by refunds that count")
    version: int | None = Field(None, description="the shop's own number of this version")
    revision: int = Field(description="by which consumers know the newest version")


@router.get("/orders/{order_id}", dependencies=[require("orders:read")])
async def get_order(shop: ShopName, order_id: Identifier, tx: Tx) -> OrderOut:
    """One order as its newest version says."""
    row = await store.get_order(tx, shop, order_id)
    if row is None:
        raise UnknownOrder(order_id)
    order = orjson.loads(row.body)
    return OrderOut(
        **{
            **order,
            "customer": row.customer or None,
            "time": row.at,
            "refunded": row.refunded,
            "sequence": row.sequence,
            "units": units_of(order.get("lines", ())),
        }
    )


class CustomersOrderOut(BaseModel):
    """One of a customer's orders; amounts in minor units of `currency`."""

    order_id: str
    sequence: int | None = Field(description="its number among those that completed; null: it has not")
    state: OrderState
    time: datetime = Field(description="when it reached `state`")
    currency: str
    goods_paid: int
    freight: int
    refunded: int


class CustomersOrdersOut(BaseModel):
    """`before` of the next page; null on the last one."""

    items: list[CustomersOrderOut]
    before: str | None


@router.get("/customers/{customer}/orders", dependencies=[require("orders:read")])
async def list_customers_orders(
    shop: ShopName,
    customer: Identifier,
    tx: Tx,
    before: Annotated[Identifier | None, Query(description="the last order's id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> CustomersOrdersOut:
    """A customer's orders as they stand, newest first; none for a customer who never ordered."""
    rows = await store.list_orders_of(tx, shop, customer, before, limit + 1)
    items = [CustomersOrderOut.model_validate(dict(row._mapping)) for row in rows[:limit]]
    return CustomersOrdersOut(items=items, before=items[-1].order_id if len(rows) > limit else None)


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

    One that was set aside is mended by sending its `refund_id` again with another event.
    """
    rows = await refund_store.list_refunds(tx, shop, state, after, limit)
    return [RefundOut.model_validate({**row._mapping, "customer": row.customer or None}) for row in rows]
