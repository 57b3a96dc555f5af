"""Reviews handed in by the shop, as plain JSON or a CloudEvent, once per id (FBK-011), and read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from common.bus.inbox import SameIdOtherBody
from common.crypto.keys import KeyRing
from common.crypto.sealing import open_sealed
from common.events import Event, InvalidEvent, decode, fact_id
from common.events.envelope import given_correlation
from common.events.feedback import ReviewSubmitted, Stars
from common.events.fields import Cursor, Identifier, Instant, ShopName, Text
from common.http.api import Body, Tx, require
from common.http.problems import Problem
from common.storage.database import Transaction
from feedback.handlers import accept_review
from feedback.refusals import KeyMissing, Refused, ReviewDiffers
from feedback.reviews import store as reviews
from feedback.reviews.rules import check_review

router = APIRouter(tags=["reviews"])
CLOUD_EVENT = "application/cloudevents+json"


class ReviewIn(Body):
    """A review; `review_id` is the shop's own and makes a repetition harmless. `stars` or `text` is needed."""

    review_id: Identifier
    customer: Identifier
    order_id: Identifier | None = None
    sku: Text | None = None
    stars: Stars | None = None
    text: Annotated[str, Field(max_length=2_000)] | None = None
    source: Text | None = None
    at: Instant | None = Field(None, description="when it was written; now when left out")


class ReviewTaken(BaseModel):
    review_id: str
    status: Literal["accepted", "duplicate"]


class ReviewOut(BaseModel):
    """`text` is null where there is none, or where its customer was erased."""

    review_id: str
    customer: str
    order_id: str | None
    sku: str | None
    stars: int | None
    text: str | None
    source: str | None
    at: datetime


class ReviewPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[ReviewOut]
    after: str | None


CLOUD_EVENT_SCHEMA = {
    "type": "object",
    "description": "CloudEvents 1.0, structured mode; see docs/asyncapi.json",
    "required": ["id", "source", "type", "time", "shop", "subject", "data"],
    "properties": {
        **{name: {"type": "string", "minLength": 1, "maxLength": 300} for name in ("id", "source", "shop", "subject")},
        "type": {"const": ReviewSubmitted.TYPE},
        "time": {"type": "string", "format": "date-time"},
        "data": ReviewSubmitted.model_json_schema(),
    },
}


def _review(raw: bytes, shop: str, content_type: str, now: datetime) -> Event[ReviewSubmitted]:
    """The body as an event. Raises RequestValidationError, InvalidEvent, Problem, Refused."""
    if content_type.split(";")[0].strip().lower() == CLOUD_EVENT:
        event = decode(raw)
        if not isinstance(event.data, ReviewSubmitted):
            raise InvalidEvent("unknown_type", f"here only {ReviewSubmitted.TYPE} is taken; others go to orders-ingest")
        if event.shop != shop or not event.source.startswith(f"/shops/{shop}/"):
            raise Problem(403, "wrong_shop", f"`shop` must be {shop!r} and `source` must begin with /shops/{shop}/.")
        if event.subject is None:
            raise InvalidEvent("missing_subject", "a review needs `subject`, the customer")
        check_review(event.data, event.time, now)
        return replace(event, correlationid=event.correlationid or given_correlation(), raw=None)
    try:
        body = ReviewIn.model_validate_json(raw)
    except ValidationError as error:
        raise RequestValidationError(
            [{**e, "loc": ("body", *e["loc"])} for e in error.errors(include_url=False, include_input=False)]
        ) from None
    data = ReviewSubmitted(**body.model_dump(exclude={"customer", "at"}))
    time = body.at or now
    check_review(data, time, now)
    return Event(
        id=fact_id(f"review#{body.review_id}", data.TYPE, shop, body.customer, 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=body.customer,
        time=time,
        data=data,
    )


@router.post(
    "/v1/shops/{shop}/reviews",
    status_code=202,
    dependencies=[require("feedback:write")],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ReviewIn.model_json_schema()},
                CLOUD_EVENT: {"schema": CLOUD_EVENT_SCHEMA},
            },
        }
    },
)
async def submit_review(shop: ShopName, request: Request, tx: Tx) -> ReviewTaken:
    """Take a review: stored and announced once, however often it is sent."""
    keys: KeyRing = request.app.state.runtime.keys
    content_type = request.headers.get("content-type", "")
    try:
        review = _review(await request.body(), shop, content_type, tx.clock.now())
        new = await accept_review(tx, keys, review)
    except Refused as refused:
        raise Problem(422, refused.slug, str(refused)) from None
    except ReviewDiffers as differs:
        raise Problem(409, "review_differs", str(differs)) from None
    except KeyMissing as missing:
        raise Problem(409, "unknown_customer", str(missing)) from None
    except SameIdOtherBody:
        raise Problem(
            409, "same_id_other_body", "This event id was used for another review: give each event its own id."
        ) from None
    return ReviewTaken(review_id=review.data.review_id, status="accepted" if new else "duplicate")


@router.get("/v1/shops/{shop}/reviews", dependencies=[require("feedback:read")])
async def list_reviews(
    shop: ShopName,
    request: Request,
    tx: Tx,
    customer: Identifier | None = None,
    order_id: Identifier | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ReviewPage:
    """Reviews in order of id, of one customer or order if asked."""
    rows = await reviews.list_reviews(tx, shop, customer=customer, order_id=order_id, after=after, limit=limit)
    texts = await readable(request, tx, [(shop, r.customer, r.text) for r in rows])
    items = [
        ReviewOut(
            review_id=r.review_id, customer=r.customer, order_id=r.order_id, sku=r.sku, stars=r.stars, text=text,
            source=r.source, at=r.submitted_at,
        )
        for r, text in zip(rows, texts, strict=True)
    ]  # fmt: skip
    last = f"{rows[-1].review_id} {rows[-1].customer}" if len(rows) == limit else None
    return ReviewPage(items=items, after=last)


async def readable(request: Request, tx: Transaction, texts: list[tuple[str, str, str | None]]) -> list[str | None]:
    """Stored texts (shop, customer, text) decrypted; None where the customer was erased."""
    keys: KeyRing = request.app.state.runtime.keys
    found = await keys.keys_for(tx, {(shop, customer) for shop, customer, text in texts if text is not None})
    opened: list[str | None] = []
    for shop, customer, text in texts:
        key: Any = found.get((shop, customer))
        opened.append(open_sealed(text, key.key, shop, customer, "text") if text is not None and key else None)
    return opened
