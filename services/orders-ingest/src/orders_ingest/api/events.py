"""Events that a shop's backend sends: CloudEvents, one or a batch; 202 only for what is durable."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from common.events.fields import ShopName
from common.http.api import JSON, Caller, DirectRoute, require, runtime_of
from common.http.callers import EVERY
from common.http.problems import Problem
from common.refusals import Malformed, TooLarge
from orders_ingest.api.parts import OutcomeOut, ResultsOut, answer_each, answer_one, collector_of, vault_of
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import FILLED_OVER_HTTP, MAX_BATCH, check, read
from orders_ingest.intake.state import Offered, Outcome

router = APIRouter(tags=["events"], route_class=DirectRoute)
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
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            SINGLE: {"schema": _EVENT, "example": _EXAMPLE},
            BATCH: {"schema": _EVENTS, "example": [_EXAMPLE, _VISIT]},
            JSON: {"schema": {"description": "one event, or an array of them"}, "example": _EXAMPLE},
        },
    }
}


@router.post(
    "/v1/shops/{shop}/events",
    status_code=202,
    response_model=OutcomeOut | ResultsOut,
    openapi_extra=_BODY,
)
async def post_events(shop: ShopName, request: Request, caller: Writer) -> Response:
    """Take what happened: one event, or a batch of at most 1,000. Sending an event again is harmless.

    A batch is answered 202 with a result for each event; a single event that is refused is a problem. Where absent,
    `shop` is that of the path, `source` `/shops/<shop>/api`, `time` now and `specversion` 1.0; `id` is always needed.
    """
    return await _answer(request, shop)


@router.post("/v1/events", status_code=202, response_model=OutcomeOut | ResultsOut, openapi_extra=_BODY)
async def post_own_events(request: Request, caller: Writer) -> Response:
    """As above, for the shop of the key; with a key of every shop each event says its own."""
    return await _answer(request, None if caller.shop == EVERY else caller.shop)


class BinaryMode(Problem):
    """A CloudEvents request whose attributes stand in headers; the body alone is no event."""

    def __init__(self) -> None:
        super().__init__(
            415,
            "binary_mode",
            f"This is a CloudEvent in binary mode (its attributes are `ce-` headers); structured mode is taken: send"
            f" the whole event as the body, with `Content-Type: {SINGLE}`, or an array of them with"
            f" `Content-Type: {BATCH}`.",
        )


async def _answer(request: Request, shop: str | None) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (SINGLE, BATCH) and any(name in request.headers for name in ("ce-id", "ce-type", "ce-specversion")):
        raise BinaryMode
    body = read(await request.body())
    if (kind == BATCH and not isinstance(body, list)) or (kind == SINGLE and not isinstance(body, dict)):
        raise Malformed("malformed_json", f"{SINGLE} is one JSON object, {BATCH} a JSON array of them.")
    if isinstance(body, list):
        return answer_each(await _take_batch(request, body, shop))
    return answer_one(await _take_one(request, body, shop))


async def _take_one(request: Request, body: Any, shop: str | None) -> Outcome:
    checked = check(body, shop, runtime_of(request).clock.now(), fill=FILLED_OVER_HTTP)
    return checked if isinstance(checked, Outcome) else await collector_of(request.app).submit(checked)


async def _take_batch(request: Request, bodies: list[Any], shop: str | None) -> list[Outcome]:
    if len(bodies) > MAX_BATCH:
        raise TooLarge("too_large", f"A batch has at most {MAX_BATCH} events; send the rest in another.")
    runtime = runtime_of(request)
    now = runtime.clock.now()
    checked = [check(body, shop, now, fill=FILLED_OVER_HTTP) for body in bodies]
    fit = [c for c in checked if isinstance(c, Offered)]
    taken = iter(await runtime.database.run(lambda tx: take_events(tx, vault_of(request.app), fit)))
    return [c if isinstance(c, Outcome) else next(taken) for c in checked]
