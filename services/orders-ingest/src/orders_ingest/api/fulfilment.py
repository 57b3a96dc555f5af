"""How an order fares and how it came about, as a shop sees it: its fulfilment with its details, the way to it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

import orjson
from fastapi import Request
from pydantic import BaseModel, Field

from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, open_sealed, personal_fields
from common.events import CustomerKey
from common.events.fields import Identifier, ShopName
from common.events.orders import OrderDelivered, OrderLogisticsUpdated, OrderReturned, OrderSpecialRequest
from common.http.api import Router, Tx, require, runtime_of
from common.refusals import NotFound
from orders_ingest.api.orders import UnknownOrder
from orders_ingest.details import store
from orders_ingest.journeys import store as journeys
from orders_ingest.orders import store_reading as orders
from orders_ingest.orders.due import was_taken_back, with_promise
from orders_ingest.orders.fulfilment import Fulfilment, fulfilment_of
from orders_ingest.orders.state import Told

router = Router(prefix="/v1/shops/{shop}", tags=["orders"])


class FulfilmentOut(BaseModel):
    """How an order fares on its way, and what was announced, packed, returned, exchanged and sent again of it.

    `details`: by type of event, as they stand, oldest first, without personal fields. `shipping_seconds`: from payment
    to shipment; `delivery_seconds`: from shipment to delivery (ORD-033). `promise`: `kept`, `broken` or `open`.
    `accurate`: false where something came back as a wrong item or to a wrong address.
    """

    order_id: str
    state: str
    carrier: str | None = None
    tracking: str | None = None
    status: str | None = Field(None, description="the carrier's newest word")
    status_at: datetime | None = None
    place: str | None = None
    expected_at: datetime | None = None
    promised_by: datetime | None = None
    promise: Literal["kept", "broken", "open"] | None = None
    shipping_seconds: int | None = None
    delivery_seconds: int | None = None
    accurate: bool | None = Field(None, description="null: not delivered yet")
    details: dict[str, list[dict[str, Any]]]


@router.get("/orders/{order_id}/fulfilment", dependencies=[require("orders:read", recorded=True)])
async def get_fulfilment(shop: ShopName, order_id: Identifier, request: Request, tx: Tx) -> FulfilmentOut:
    """Where an order is now, by the carrier's newest word and the shop's, with its figures (ORD-032, 033, 034).

    Where the customer was erased, what the carrier wrote of places is gone.
    """
    row = await orders.get_order(tx, shop, order_id)
    if row is None:
        raise UnknownOrder(order_id)
    customer, key = (shop, row.customer), None
    if row.customer:
        key = (await runtime_of(request).keys.keys_for(tx, [customer])).get(customer)
    details: dict[str, list[dict[str, Any]]] = {}
    for found in await store.list_of_order(tx, shop, order_id):
        body = orjson.loads(found.body)
        words = _opened(body, customer, key) if found.type == OrderLogisticsUpdated.TYPE else {}
        details.setdefault(found.type, []).append({**_shown(body), **words, "time": found.at})
    told = Told(row.paid_told_at, row.shipped_told_at, row.delivered_told_at)
    order = with_promise(OrderDelivered.model_validate_json(row.body), row.promised_by)
    taken_back = was_taken_back(order, await orders.list_refunds_of(tx, shop, order_id))
    found_of: Fulfilment = fulfilment_of(order, details, tx.clock.now(), told, taken_back=taken_back)
    return FulfilmentOut(order_id=order_id, details=details, **found_of._asdict())


class JourneyOut(BaseModel):
    """The way to an order within the 7 days before it, as it was measured last.

    `silent`: without a chat. `decision_seconds`: from the first view to the order, null without a view.
    `compared_items`: different products viewed. `reviews_viewed`: views of the panels of reviews and past sales.
    """

    order_id: str
    customer: str
    placed_at: datetime
    silent: bool
    decision_seconds: int | None
    compared_items: int
    reviews_viewed: int
    chats: int
    chat_seconds: int


class NotMeasured(NotFound):
    """The way to an order is not known."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            "not_measured",
            f"The way to order {order_id!r} was not measured: it is not known, is nobody's, came long after it was"
            " placed, or within the last seconds.",
        )


@router.get("/orders/{order_id}/journey", dependencies=[require("orders:read")])
async def get_journey(shop: ShopName, order_id: Identifier, tx: Tx) -> JourneyOut:
    """How a customer came to order: silently or after a chat, how fast, and after how much comparing (ORD-022, 027)."""
    found = await journeys.get_journey(tx, shop, order_id)
    if found is None or found.figures is None:
        raise NotMeasured(order_id)
    return JourneyOut(order_id=order_id, customer=found.customer, placed_at=found.placed_at, **found.figures._asdict())


_WORDS = personal_fields(OrderLogisticsUpdated).own


def _opened(body: dict[str, Any], customer: CustomerKey, key: DataKey | None) -> dict[str, str]:
    """The carrier's words of a parcel, readable; none of an erased customer."""
    found = {}
    for name in _WORDS:
        if key is not None and body.get(name) is not None:
            with suppress(SealBroken):
                found[name] = open_sealed(body[name], key.key, *customer, name)
    return found


_PERSONAL = frozenset({*_WORDS, *personal_fields(OrderSpecialRequest).own, *personal_fields(OrderReturned).own})


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _PERSONAL and name != "order_id"}
