"""A shop's totals: orders, refunds and customers."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from common.events.fields import ShopName
from common.events.orders import OrderState
from common.http.api import Router, Tx, require
from orders_ingest.customers import store as customers
from orders_ingest.orders import store_reading as orders
from orders_ingest.refunds import store as refunds

router = Router(prefix="/v1/shops/{shop}", tags=["orders"])


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
    """`buyers` have ordered, `profiles` came, `customers` are known by either, `consents` stand as given."""

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
    known = await customers.count_customers(tx, shop)
    return ReportOut(
        shop=shop,
        orders=[OrdersOut.model_validate(row._mapping) for row in await orders.count_orders(tx, shop)],
        refunds=[RefundsOut.model_validate(row._mapping) for row in await refunds.count_refunds(tx, shop)],
        buyers=await orders.count_buyers(tx, shop),
        **known._mapping,
    )
