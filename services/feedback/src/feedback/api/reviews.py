"""Reviews handed in by the shop, as plain JSON or as a CloudEvent, once per id (FBK-011), and read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, Field

from common.crypto.keys import KeyRing
from common.events import Event, InvalidEvent, decode, fact_id
from common.events.envelope import given_correlation
from common.events.feedback import MOST_PHOTOS, ReviewSubmitted, Stars, check_photo
from common.events.fields import MAX_PERSONAL, Cursor, Identifier, Instant, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.people import identifiers_of
from common.refusals import Forbidden
from common.storage.database import Transaction
from common.values.names import asked
from feedback.commands.reviews import accept_review
from feedback.commands.sealing import opener
from feedback.reviews import store as reviews
from feedback.reviews.rules import MOST_CHARACTERS, check_review

router = Router(tags=["reviews"])
CLOUD_EVENT = "application/cloudevents+json"
Photo = Annotated[str, AfterValidator(check_photo), Field(max_length=MAX_PERSONAL)]


class WrongShop(Forbidden):
    """The event names another shop than the path."""

    def __init__(self, shop: str) -> None:
        super().__init__("wrong_shop", f"`shop` must be {shop!r} and `source` must begin with /shops/{shop}/.")


class ReviewIn(Body):
    """A review; `review_id` is the shop's own and makes a repetition harmless.

    `stars`, a DSR score, `text` or `photos` is needed. Photos are https addresses or ids; none is fetched.
    """

    review_id: Identifier
    customer: Identifier
    order_id: Identifier | None = None
    sku: Text | None = None
    stars: Stars | None = None
    dsr_goods: Stars | None = Field(None, description="DSR: goods as described")
    dsr_service: Stars | None = Field(None, description="DSR: service")
    dsr_shipping: Stars | None = Field(None, description="DSR: shipping")
    text: Annotated[str, Field(max_length=MOST_CHARACTERS)] | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    source: Text | None = None
    at: Instant | None = Field(None, description="when it was written; now when left out")


class ReviewTaken(BaseModel):
    review_id: str
    status: Literal["accepted", "duplicate"]


class ReviewOut(BaseModel):
    """`text` is null, and `photos` empty, where there are none or where the customer was erased."""

    review_id: str
    customer: str
    order_id: str | None
    sku: str | None
    stars: int | None
    dsr_goods: int | None
    dsr_service: int | None
    dsr_shipping: int | None
    text: str | None
    photos: list[str]
    source: str | None
    at: datetime


class ReviewPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[ReviewOut]
    after: str | None


CLOUD_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "ReviewEvent",
    "description": "CloudEvents 1.0, structured mode; see docs/asyncapi.json",
    "required": ["id", "source", "type", "time", "shop", "subject", "data"],
    "properties": {
        **{name: {"type": "string", "minLength": 1, "maxLength": 300} for name in ("id", "source", "shop", "subject")},
        "type": {"const": ReviewSubmitted.TYPE},
        "time": {"type": "string", "format": "date-time"},
        "data": ReviewSubmitted.model_json_schema(),
    },
}


@router.post("/v1/shops/{shop}/reviews", status_code=202, dependencies=[require("feedback:write")])
async def submit_review(shop: ShopName, body: ReviewIn, request: Request, tx: Tx) -> ReviewTaken:
    """Take a review: stored and announced once, however often it is sent."""
    data = ReviewSubmitted(**body.model_dump(exclude={"customer", "at"}))
    review = Event(
        id=fact_id(f"review#{body.review_id}", data.TYPE, shop, body.customer, 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=body.customer,
        time=body.at or tx.clock.now(),
        data=data,
    )
    return await _take(request, tx, review)


@router.post(
    "/v1/shops/{shop}/reviews/events",
    status_code=202,
    dependencies=[require("feedback:write")],
    openapi_extra={"requestBody": {"required": True, "content": {CLOUD_EVENT: {"schema": CLOUD_EVENT_SCHEMA}}}},
)
async def submit_review_event(shop: ShopName, request: Request, tx: Tx) -> ReviewTaken:
    """Take a review as a CloudEvent `review.submitted`, whose id, source and time are the shop's own."""
    body = await request.body()
    with asked():
        event = decode(body)
    if not isinstance(event.data, ReviewSubmitted):
        raise InvalidEvent("unknown_type", f"here only {ReviewSubmitted.TYPE} is taken; others go to orders-ingest")
    if event.shop != shop or not event.source.startswith(f"/shops/{shop}/"):
        raise WrongShop(shop)
    if event.subject is None:
        raise InvalidEvent("missing_subject", "a review needs `subject`, the customer")
    correlation = event.correlationid or given_correlation()
    return await _take(request, tx, replace(event, correlationid=correlation, raw=None))


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
    people = await identifiers_of(tx, shop, customer) or None
    rows = await reviews.list_reviews(tx, shop, people=people, order_id=order_id, after=after, limit=limit)
    keys: KeyRing = request.app.state.runtime.keys
    readable = await opener(tx, keys, [(shop, row.customer) for row in rows])
    items = []
    for r in rows:
        photos = (readable((shop, r.customer), "photos", photo) for photo in r.photos)
        items.append(
            ReviewOut(
                **{name: getattr(r, name) for name in ReviewOut.model_fields if name not in ("text", "photos", "at")},
                text=readable((shop, r.customer), "text", r.text),
                photos=[photo for photo in photos if photo is not None],
                at=r.submitted_at,
            )
        )
    last = f"{rows[-1].review_id} {rows[-1].customer}" if len(rows) == limit else None
    return ReviewPage(items=items, after=last)


async def _take(request: Request, tx: Transaction, review: Event[ReviewSubmitted]) -> ReviewTaken:
    """Raises ReviewUnfit, and what accept_review raises."""
    check_review(review.data, review.time, tx.clock.now())
    keys: KeyRing = request.app.state.runtime.keys
    new = await accept_review(tx, keys, review)
    return ReviewTaken(review_id=review.data.review_id, status="accepted" if new else "duplicate")
