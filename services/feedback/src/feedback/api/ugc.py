"""Content about the goods over HTTP: submitted, moderated, selected for a customer's type (FBK-042 to FBK-048)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.crypto.keys import KeyRing
from common.events.feedback import (
    MOST_PHOTOS,
    ContentEvent,
    ContentGrade,
    ContentKind,
    ContentNoReward,
    ContentReward,
    ContentState,
    check_photo,
)
from common.events.fields import MAX_PERSONAL, Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.people import identifiers_of
from common.http.staff import Staff
from common.refusals import Invalid
from common.values.names import READ, ShownLine, check_seen
from feedback.api.cursors import instant_and_name
from feedback.commands import ugc as command
from feedback.revisions.table import Standing
from feedback.ugc import store
from feedback.ugc.rules import SHOWN_TO, NewContent, Reader, UnknownContent, Verdict, select
from feedback.ugc.store import Place

router = Router(prefix="/v1/shops/{shop}/ugc", tags=["content"])
Name = Annotated[Text, Field(min_length=1)]
Words = Annotated[str, AfterValidator(check_seen), Field(min_length=1, max_length=4_000, description=READ)]
Photo = Annotated[str, AfterValidator(check_photo), Field(max_length=MAX_PERSONAL)]
Link = Annotated[Text, Field(pattern=r"^https://[^\s]+$")]


class ContentIn(Body):
    """Content to be moderated; `content_id` is the caller's own and makes a repetition harmless.

    A customer's has `text` or `photos`; nothing is fetched. `as_buyer`: the customer speaks as the buyer of `order_id`,
    which is checked. `of_leader`: the customer is an opinion leader. The shop's own content (no `customer`) has a
    `title` and a `link`. `review_id`: a review that is stored here is submitted as content.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "content_id": "show-77",
                    "customer": "ann",
                    "kind": "buyer_show",
                    "order_id": "1001",
                    "sku": "longjing-250",
                    "as_buyer": True,
                    "text": "The tea in my new cup.",
                    "photos": ["https://shop.example/photos/show-77.jpg"],
                }
            ]
        }
    )
    content_id: Identifier
    kind: ContentKind
    customer: Identifier | None = None
    title: ShownLine | None = None
    link: Link | None = None
    text: Words | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    order_id: Identifier | None = None
    sku: Name | None = None
    as_buyer: bool = False
    of_leader: bool = False
    source: Name | None = None
    review_id: Identifier | None = None

    @model_validator(mode="after")
    def _a_review_says_it_all(self) -> ContentIn:
        more = (self.text, self.photos, self.title, self.link, self.order_id, self.sku, self.source)
        if self.review_id is not None and (self.kind != "review" or self.customer is None or any(more)):
            raise ValueError(
                "`review_id` is of the `customer`, of kind `review`, and brings text, photos, order and sku"
            )
        return self


class VerdictIn(Body):
    """What a person decides. `approve` needs a `grade`, and grades approved content anew; `reason` names nobody."""

    decision: Literal["approve", "refuse", "withdraw"]
    by: Staff
    grade: ContentGrade | None = None
    featured: bool = False
    reason: Name | None = None


class ContentRewardOut(BaseModel):
    """What it earned, paid by membership once; `form` says which field holds it. `worth`: to the shop, in minor units
    of `currency`; null where the shop did not say. `by`: whose grade earned it, `proposed_by`: who gave it first, where
    it took two people."""

    form: Literal["points", "coupon", "gift"]
    points: int | None
    offer_id: str | None
    gift: str | None
    worth: int | None
    currency: str | None
    by: str | None
    proposed_by: str | None
    at: datetime


class ContentOut(BaseModel):
    """Content as it stands; `text` is null, and `photos` empty, where there are none or the customer was erased.

    `reward`: what it earned; membership takes it back once it is withdrawn. `no_reward`: why its grade earned nothing:
    the customer does not speak as a buyer, the same review, words or photo earned something before, the customer was
    rewarded as often as the policy says, or (`another_person`) it is more than one person grants alone. Then `proposed`
    is what another person grants by giving the same grade, and `proposed.by` who gave it first.
    """

    content_id: str
    customer: str | None
    kind: ContentKind
    title: str | None
    link: str | None
    text: str | None
    photos: list[str]
    order_id: str | None
    sku: str | None
    review_id: str | None
    as_buyer: bool
    of_leader: bool
    source: str | None
    state: ContentState
    grade: ContentGrade | None
    featured: bool
    reason: str | None
    submitted_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reward: ContentRewardOut | None
    no_reward: ContentNoReward | None
    proposed: ContentRewardOut | None
    revision: int


class ContentPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[ContentOut]
    after: str | None


class ShownOut(BaseModel):
    """What the public sees of approved content: nothing that names the customer or the order."""

    content_id: str
    kind: ContentKind
    title: str | None
    link: str | None
    text: str | None
    photos: list[str]
    sku: str | None
    by_buyer: bool
    of_leader: bool
    featured: bool
    submitted_at: datetime


class SelectionOut(BaseModel):
    items: list[ShownOut]


class InvalidContentCursor(Invalid):
    """The text is no `after` that a page named."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", "`after` must be the one that the page before named.")


@router.post("", status_code=201, dependencies=[require("feedback:write")])
async def post_content(shop: ShopName, body: ContentIn, request: Request, response: Response, tx: Tx) -> ContentOut:
    """Submit content; 201 when it is new, 200 when the very same was submitted before."""
    new = NewContent(**body.model_dump(exclude={"customer"}) | {"photos": body.photos})
    if body.review_id is not None and body.customer is not None:
        keys = _keys(request)
        return _told(response, await command.submit_review(tx, keys, shop, body.customer, body.review_id, new))
    return _told(response, await command.submit(tx, _keys(request), shop, body.customer, new))


@router.post("/{content_id}/decision", status_code=201, dependencies=[require("feedback:write")])
async def post_verdict(
    shop: ShopName, content_id: Identifier, body: VerdictIn, request: Request, response: Response, tx: Tx
) -> ContentOut:
    """Approve with a grade, refuse or withdraw content; 200 where it stands so.

    Who wrote it does not approve it (403), nor is a buyer approved whose order was closed or taken back since (409).
    """
    return _told(response, await command.decide(tx, _keys(request), shop, content_id, Verdict(**body.model_dump())))


@router.get("", dependencies=[require("feedback:read")])
async def list_content(
    shop: ShopName,
    request: Request,
    tx: Tx,
    state: ContentState = "submitted",
    customer: Identifier | None = None,
    to_approve: Annotated[bool, Query(description="only whose reward waits for another person's grade")] = False,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ContentPage:
    """Content by its state, the oldest first: what is to be moderated, unless another state is asked for."""
    place = _place(after) if after else None
    people = None if customer is None else await identifiers_of(tx, shop, customer)
    rows = await store.list_contents(tx, shop, state, place, limit + 1, people, to_approve=to_approve)
    stored = [Standing(row.customer or None, ContentEvent.model_validate_json(row.body)) for row in rows[:limit]]
    items = [_out(*one) for one in await command.STEPS.readable_all(tx, _keys(request), shop, stored)]
    last = rows[limit - 1] if len(rows) > limit else None
    return ContentPage(items=items, after=f"{last.submitted_at.isoformat()} {last.content_id}" if last else None)


@router.get("/selection", dependencies=[require("feedback:read")])
async def get_selection(
    shop: ShopName,
    request: Request,
    tx: Tx,
    shown_to: Annotated[
        Reader, Query(description="opinion_led: shows and good reviews; cautious: guarantees, tests, leaders' reviews")
    ] = "anybody",
    sku: Annotated[Text | None, Query(description="of this product alone")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> SelectionOut:
    """Approved content to show to a customer of a type, the best first (FBK-044, FBK-046)."""
    rows = await store.list_approved(tx, shop, SHOWN_TO[shown_to], sku)
    stored = [Standing(row.customer or None, ContentEvent.model_validate_json(row.body)) for row in rows]
    found = {one.data.content_id: one for one in stored}
    shown = [one for one in select([one.data for one in stored], shown_to) if one.text or one.photos or one.link]
    wanted = [found[content.content_id] for content in shown[:limit]]
    return SelectionOut(
        items=[_shown(one.data) for one in await command.STEPS.readable_all(tx, _keys(request), shop, wanted)]
    )


@router.get("/{content_id}", dependencies=[require("feedback:read")])
async def get_content(shop: ShopName, content_id: Identifier, request: Request, tx: Tx) -> ContentOut:
    """Content as it stands."""
    found = await store.CONTENTS.get(tx, shop, content_id)
    if found is None:
        raise UnknownContent(content_id)
    return _out(found.customer, await command.STEPS.readable(tx, _keys(request), shop, *found))


def _keys(request: Request) -> KeyRing:
    keys: KeyRing = request.app.state.runtime.keys
    return keys


def _place(after: str) -> Place:
    found = instant_and_name(after)
    if found is None:
        raise InvalidContentCursor
    return Place(*found)


def _told(response: Response, told: command.Told) -> ContentOut:
    customer, content, new = told
    response.status_code = 201 if new else 200
    return _out(customer, content)


def _out(customer: str | None, content: ContentEvent) -> ContentOut:
    told = {name: getattr(content, name) for name in ContentOut.model_fields if name != "customer"}
    told |= {"photos": list(content.photos)}
    told |= {name: _earned(getattr(content, name)) for name in ("reward", "proposed")}
    return ContentOut(**told, customer=customer)


def _earned(reward: ContentReward | None) -> ContentRewardOut | None:
    return None if reward is None else ContentRewardOut(**reward.model_dump(exclude={"grounds"}))


def _shown(content: ContentEvent) -> ShownOut:
    told = {name: getattr(content, name) for name in ShownOut.model_fields if name != "by_buyer"}
    return ShownOut(**told | {"photos": list(content.photos)}, by_buyer=content.as_buyer)
