"""How does a shop's backend tell us what happened? CloudEvents, one or a batch; 202 only for what is durable."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import JSON, Caller, require
from common.http.callers import EVERY
from common.http.problems import Problem
from common.process.runtime import Runtime
from orders_ingest.intake.checks import FILLED_OVER_HTTP, MAX_BATCH, Offered, Outcome, Status, check, read
from orders_ingest.intake.collector import collector_of, vault_of
from orders_ingest.intake.take import take

router = APIRouter(tags=["events"])
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


class LeftOutOut(BaseModel):
    """A field of a profile that cannot be used; the rest of the profile was taken without it."""

    field: str
    slug: str
    detail: str


class OutcomeOut(BaseModel):
    """What became of one event. Send a refused one again once it is mended, with the same id."""

    id: str | None = None
    status: Status
    slug: str | None = None
    detail: str | None = None
    left_out: list[LeftOutOut] | None = None


class ResultsOut(BaseModel):
    """One result for each event of a batch, in its order."""

    results: list[OutcomeOut]


class Refused(Problem):
    """A single event that was not taken."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.http, outcome.slug or "refused", outcome.detail or "", id=outcome.id)


@router.post(
    "/v1/shops/{shop}/events",
    status_code=202,
    response_model=OutcomeOut | ResultsOut,
    openapi_extra=_BODY,
)
async def post_events(shop: ShopName, request: Request, caller: Writer) -> Response:
    """Tell what happened: one event, or a batch of at most 1,000. Sending an event again is harmless.

    A batch is answered 202 with a result for each event; a single event that is refused is a problem. Where absent,
    `shop` is that of the path, `source` `/shops/<shop>/api`, `time` now and `specversion` 1.0; `id` is always needed.
    """
    return await _answer(request, shop)


@router.post("/v1/events", status_code=202, response_model=OutcomeOut | ResultsOut, openapi_extra=_BODY)
async def post_own_events(request: Request, caller: Writer) -> Response:
    """As above, for the shop of the key; with a key of every shop each event says its own."""
    return await _answer(request, None if caller.shop == EVERY else caller.shop)


async def _answer(request: Request, shop: str | None) -> Response:
    body = read(await request.body())
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (kind == BATCH and not isinstance(body, list)) or (kind == SINGLE and not isinstance(body, dict)):
        raise Problem(400, "malformed_json", f"{SINGLE} is one JSON object, {BATCH} a JSON array of them.")
    if isinstance(body, list):
        outcomes = await _take_batch(request, body, shop)
        return _json({"results": [outcome.as_dict() for outcome in outcomes]})
    outcome = await _take_one(request, body, shop)
    return _json(outcome.as_dict())


async def _take_one(request: Request, body: Any, shop: str | None) -> Outcome:
    runtime: Runtime = request.app.state.runtime
    checked = check(body, shop, runtime.clock.now(), fill=FILLED_OVER_HTTP)
    outcome = checked if isinstance(checked, Outcome) else await collector_of(request.app).submit(checked)
    if outcome.status == "refused":
        raise Refused(outcome)
    return outcome


async def _take_batch(request: Request, bodies: list[Any], shop: str | None) -> list[Outcome]:
    if len(bodies) > MAX_BATCH:
        raise Problem(413, "too_large", f"A batch has at most {MAX_BATCH} events; send the rest in another.")
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock.now()
    checked = [check(body, shop, now, fill=FILLED_OVER_HTTP) for body in bodies]
    fit = [c for c in checked if isinstance(c, Offered)]
    taken = iter(await runtime.database.run(lambda tx: take(tx, vault_of(request.app), fit)))
    return [c if isinstance(c, Outcome) else next(taken) for c in checked]


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), 202, media_type="application/json")
