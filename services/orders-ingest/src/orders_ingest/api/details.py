"""What an order has several of, as a shop sends it and sees it: requests, parcels, logistics, returns, exchanges."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, open_sealed, personal_fields
from common.events import CustomerKey
from common.events.fields import Cursor, Identifier, Instant, PersonalText, ShopName, Text
from common.events.orders import (
    MAX_LINES,
    OrderDelivered,
    OrderDetail,
    OrderExchanged,
    OrderLine,
    OrderLogisticsUpdated,
    OrderReshipped,
    OrderReturned,
    OrderSpecialRequest,
    ParcelPacked,
    ReasonCode,
)
from common.http.api import Body, Caller, Router, Tx, require, runtime_of
from common.refusals import NotFound
from orders_ingest.api.orders import UnknownOrder
from orders_ingest.api.parts import OutcomeOut, answer_one, said_by, vault_of
from orders_ingest.commands import put_detail as command
from orders_ingest.details import store
from orders_ingest.journeys import store as journeys
from orders_ingest.orders import store_reading as orders
from orders_ingest.orders.due import was_taken_back, with_promise
from orders_ingest.orders.fulfilment import Fulfilment, fulfilment_of
from orders_ingest.orders.state import Told

router = Router(prefix="/v1/shops/{shop}", tags=["orders"])
Writer = Annotated[Caller, require("events:write")]
Lines = Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)]


class DetailIn(Body):
    """`time` is when it happened, absent: now. `customer` is needed only where the order is not known yet."""

    customer: Identifier | None = None
    time: Instant | None = None


class SpecialRequestIn(DetailIn):
    """What the customer asked for; open until it is sent as done (ORD-011)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "open", "text": "Please wrap it as a gift."}]})
    state: Literal["open", "done"] = "open"
    text: PersonalText | None = None


class ParcelIn(DetailIn):
    """What was put into the parcel (ORD-037)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"lines": [{"sku": "longjing-250", "quantity": 1}], "inserts": ["thank-you card"]}]
        }
    )
    lines: Lines = ()
    inserts: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    qr_code: Identifier | None = None
    tracking: Text | None = None


class LogisticsIn(DetailIn):
    """A word of the carrier about a parcel (ORD-032)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "out_for_delivery", "carrier": "SF", "tracking": "SF1001"}]}
    )
    status: Literal["accepted", "in_transit", "customs", "out_for_delivery", "delivered", "exception", "sent_back"]
    carrier: Text | None = None
    tracking: Text | None = None
    place: PersonalText | None = None
    detail: PersonalText | None = None
    expected_at: Instant | None = None


class ReasonIn(DetailIn):
    """Goods that came back, or are sent again, and why (ORD-017, ORD-035)."""

    lines: Lines = ()
    reason_code: ReasonCode | None = None
    reason: PersonalText | None = None


class ReturnIn(ReasonIn):
    """While a return is open, its order does not complete by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"state": "open", "reason_code": "size", "lines": [{"sku": "longjing-250", "quantity": 1}]}]
        }
    )
    state: Literal["open", "withdrawn", "received"] = "received"


class ExchangeIn(ReasonIn):
    """`sent` went out for `lines`; as an order of its own, if `new_order_id` names one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason_code": "quality", "lines": [{"sku": "longjing-250", "quantity": 1}]}]}
    )
    sent: Lines = ()
    new_order_id: Identifier | None = None


class ReshipmentIn(ReasonIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason_code": "not_received", "lines": [{"sku": "longjing-250", "quantity": 1}]}]
        }
    )
    carrier: Text | None = None
    tracking: Text | None = None


@router.put("/orders/{order_id}/special-requests/{request_id}", status_code=202, response_model=OutcomeOut)
async def put_special_request(
    shop: ShopName, order_id: Identifier, request_id: Identifier, body: SpecialRequestIn, request: Request, _: Writer
) -> Response:
    """Take what a customer asked for with an order, or that it is done. Each state counts once."""
    return await _put(request, shop, OrderSpecialRequest, body, order_id=order_id, request_id=request_id)


@router.put("/orders/{order_id}/parcels/{parcel_id}", status_code=202, response_model=OutcomeOut)
async def put_parcel(
    shop: ShopName, order_id: Identifier, parcel_id: Identifier, body: ParcelIn, request: Request, _: Writer
) -> Response:
    """Take what was packed into a parcel. It counts once: another parcel has another id."""
    return await _put(request, shop, ParcelPacked, body, order_id=order_id, parcel_id=parcel_id)


@router.post("/orders/{order_id}/logistics", status_code=202, response_model=OutcomeOut)
async def post_logistics(
    shop: ShopName, order_id: Identifier, body: LogisticsIn, request: Request, _: Writer
) -> Response:
    """Take a word of the carrier; the same parcel, time and status again is a duplicate."""
    return await _put(request, shop, OrderLogisticsUpdated, body, order_id=order_id)


@router.put("/orders/{order_id}/returns/{return_id}", status_code=202, response_model=OutcomeOut)
async def put_return(
    shop: ShopName, order_id: Identifier, return_id: Identifier, body: ReturnIn, request: Request, _: Writer
) -> Response:
    """Take a return as it stands. Money paid back is a refund, which is told apart."""
    return await _put(request, shop, OrderReturned, body, order_id=order_id, return_id=return_id)


@router.put("/orders/{order_id}/exchanges/{exchange_id}", status_code=202, response_model=OutcomeOut)
async def put_exchange(
    shop: ShopName, order_id: Identifier, exchange_id: Identifier, body: ExchangeIn, request: Request, _: Writer
) -> Response:
    """Take an exchange. It counts once."""
    return await _put(request, shop, OrderExchanged, body, order_id=order_id, exchange_id=exchange_id)


@router.put("/orders/{order_id}/reshipments/{reshipment_id}", status_code=202, response_model=OutcomeOut)
async def put_reshipment(
    shop: ShopName, order_id: Identifier, reshipment_id: Identifier, body: ReshipmentIn, request: Request, _: Writer
) -> Response:
    """Take that goods were sent once more. It counts once."""
    return await _put(request, shop, OrderReshipped, body, order_id=order_id, reshipment_id=reshipment_id)


async def _put(request: Request, shop: str, kind: type[OrderDetail], body: DetailIn, **named: str) -> Response:
    vault, database = vault_of(request.app), runtime_of(request).database
    original = said_by(body)
    data = named | body.model_dump(mode="json", exclude_none=True, exclude={"customer", "time"})
    outcome = await database.run(
        lambda tx: command.put_detail(tx, vault, shop, kind, data, original, customer=body.customer, time=body.time)
    )
    return answer_one(outcome)


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


@router.get("/orders/{order_id}/fulfilment", dependencies=[require("orders:read")])
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
