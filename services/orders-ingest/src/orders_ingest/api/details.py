"""What an order has several of, as a shop sends it: special requests, parcels, logistics, returns, exchanges."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import ConfigDict, Field

from common.events.fields import Identifier, Instant, PersonalText, ShopName, Text
from common.events.orders import (
    MAX_LINES,
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
from common.http.api import Body, Caller, Router, require, runtime_of
from orders_ingest.api.parts import OutcomeOut, answer_one, said_by, vault_of
from orders_ingest.commands import put_detail as command

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
