"""Special requests, as a shop sees them: those that are open, and what a customer asked for in plain text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import Query, Request
from pydantic import BaseModel

from common.crypto.sealing import open_sealed
from common.events.fields import Cursor, Identifier, ShopName
from common.events.orders import OrderSpecialRequest
from common.http.api import Router, Tx, require, runtime_of
from orders_ingest.api.orders import UnknownOrder
from orders_ingest.details import store

router = Router(prefix="/v1/shops/{shop}", tags=["orders"])


class SpecialRequestOut(BaseModel):
    """An open special request; `has_text`: what was asked is readable by `…/text`."""

    order_id: str
    request_id: str
    customer: str | None
    since: datetime
    has_text: bool


class SpecialRequestsOut(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[SpecialRequestOut]
    after: str | None


@router.get("/special-requests", dependencies=[require("orders:read")])
async def list_special_requests(
    shop: ShopName,
    tx: Tx,
    after: Annotated[Cursor, Query()] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SpecialRequestsOut:
    """The shop's special requests that are not done yet, by order: tasks to do before shipping (ORD-011)."""
    rows = await store.list_open(tx, shop, OrderSpecialRequest.TYPE, after, limit + 1)
    items = [
        SpecialRequestOut(
            order_id=row.order_id,
            request_id=row.name,
            customer=row.customer or None,
            since=row.at,
            has_text="text" in orjson.loads(row.body),
        )
        for row in rows[:limit]
    ]
    return SpecialRequestsOut(
        items=items, after=f"{items[-1].order_id}|{items[-1].request_id}" if len(rows) > limit else None
    )


class SpecialRequestTextOut(BaseModel):
    """`text` is null where there is none, or its customer was erased."""

    order_id: str
    request_id: str
    state: Literal["open", "done"]
    text: str | None


@router.get("/orders/{order_id}/special-requests/{request_id}/text", dependencies=[require("customers:reveal")])
async def get_special_request_text(
    shop: ShopName, order_id: Identifier, request_id: Identifier, request: Request, tx: Tx
) -> SpecialRequestTextOut:
    """What a customer asked for, in plain text. Who asks on behalf of people records who looked."""
    row = await store.get_detail(tx, shop, order_id, OrderSpecialRequest.TYPE, request_id)
    if row is None:
        raise UnknownOrder(order_id)
    body, text = orjson.loads(row.body), None
    if (sealed := body.get("text")) is not None and row.customer:
        customer = (shop, row.customer)
        key = (await runtime_of(request).keys.keys_for(tx, [customer])).get(customer)
        text = open_sealed(sealed, key.key, *customer, "text") if key is not None else None
    return SpecialRequestTextOut(order_id=order_id, request_id=request_id, state=body["state"], text=text)
