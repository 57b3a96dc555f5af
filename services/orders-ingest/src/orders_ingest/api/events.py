"""Events that a shop's backend sends: CloudEvents, one or a batch; 202 only for what is durable."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Request, Response

from common.events import InvalidEvent
from common.events.fields import ShopName
from common.http.api import JSON, Caller, DirectRoute, Router, require, runtime_of
from common.http.callers import EVERY
from common.refusals import Invalid, Malformed, TooLarge
from orders_ingest.api.parts import OutcomeOut, ResultsOut, answer_each, answer_one, collector_of, vault_of
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import FILLED_OVER_HTTP, MAX_BATCH, check
from orders_ingest.intake.modes import HTTP_PREFIX, from_http, is_binary, unpacked
from orders_ingest.intake.reading import read
from orders_ingest.intake.state import Offered, Outcome, refused

router = Router(tags=["events"], route_class=DirectRoute)
SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
Writer = Annotated[Caller, require("events:write")]
_EVENT = {"type": "object", "additionalProperties": True}
_EVENTS = {"type": "array", "items": _EVENT, "maxItems": MAX_BATCH}
_EXAMPLE: dict[str, Any] = {
    "id": "order-1001-completed",
    "type": "order.completed",
    "subject": "ann",
    "data": {"order_id": "1001", "state": "completed", "currency": "EUR", "goods_paid": 12900},
}
_VISIT: dict[str, Any] = {
    "id": "view-1",
    "type": "product.viewed",
    "subject": "ann",
    "data": {"sku": "longjing-250"},
}


def _body(shop: str | None = None) -> dict[str, Any]:
    """What both routes take, with examples that run: of a route whose path names no shop the events name one."""
    of = {} if shop is None else {"shop": shop}
    order, visit = {**_EXAMPLE, **of}, {**_VISIT, **of}
    content = {
        SINGLE: {"schema": _EVENT, "example": order},
        BATCH: {"schema": _EVENTS, "example": [order, visit]},
        JSON: {"schema": {"description": "one event, or an array; in binary mode its data"}, "example": order},
    }
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/v1/shops/{shop}/events",
    status_code=202,
    response_model=OutcomeOut | ResultsOut,
    openapi_extra=_body(),
)
async def post_events(shop: ShopName, request: Request, caller: Writer) -> Response:
    """Take what happened: one event, or a batch of at most 1,000. Sending an event again is harmless.

    A batch is answered 202 with a result for each event; a single event that is refused is a problem. Where absent,
    `shop` is that of the path, `source` `/shops/<shop>/api`, `time` now and `specversion` 1.0; `id` is always needed.
    With `ce-id`, `ce-type` and the other attributes as headers the body is the event's data (binary mode).
    """
    return await _answer(request, shop)


@router.post("/v1/events", status_code=202, response_model=OutcomeOut | ResultsOut, openapi_extra=_body("demo"))
async def post_own_events(request: Request, caller: Writer) -> Response:
    """As above, for the shop of the key; with a key of every shop each event says its own."""
    return await _answer(request, None if caller.shop == EVERY else caller.shop)


async def _answer(request: Request, shop: str | None) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if is_binary(request.headers.keys(), kind, HTTP_PREFIX):
        return answer_one(await _take_one(request, from_http(request.headers.raw, await request.body()), shop))
    body = read(await request.body())
    if (kind == BATCH and not isinstance(body, list)) or (kind == SINGLE and not isinstance(body, dict)):
        raise Malformed("malformed_json", f"{SINGLE} is one JSON object, {BATCH} a JSON array of them.")
    if isinstance(body, list):
        return answer_each(await _take_batch(request, body, shop))
    return answer_one(await _take_one(request, body, shop))


async def _take_one(request: Request, body: Any, shop: str | None) -> Outcome:
    checked = _checked(body, shop, runtime_of(request).clock.now())
    return checked if isinstance(checked, Outcome) else await collector_of(request.app).submit(checked)


async def _take_batch(request: Request, bodies: list[Any], shop: str | None) -> list[Outcome]:
    if len(bodies) > MAX_BATCH:
        raise TooLarge("too_large", f"A batch has at most {MAX_BATCH} events; send the rest in another.")
    runtime = runtime_of(request)
    now = runtime.clock.now()
    checked = [_checked(body, shop, now) for body in bodies]
    fit = [c for c in checked if isinstance(c, Offered)]
    taken = iter(await runtime.database.run(lambda tx: take_events(tx, vault_of(request.app), fit)))
    return [c if isinstance(c, Outcome) else next(taken) for c in checked]


def _checked(body: Any, shop: str | None, now: datetime) -> Offered | Outcome:
    try:
        body = unpacked(body)
    except InvalidEvent as error:
        return refused(None, Invalid(error.slug, str(error)))
    return check(body, shop, now, fill=FILLED_OVER_HTTP)
