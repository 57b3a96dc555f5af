"""The page behind a parcel's card: the customer says what is wrong, with a photo; it lands on the desk (FBK-037)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from common.events.feedback import TicketKind
from common.events.fields import Identifier, ShopName
from common.http import pages
from common.http.api import Body, Router, Tx, public, require, runtime_of
from common.refusals import NotFound
from common.shops.settings import display_names
from common.values.links import link
from common.values.texts import UNFIT
from feedback.cards.links import BadCard, Card, CardLinks, qr_code
from feedback.commands.messages import Message, take_card
from feedback.commands.photos import keep_photo
from feedback.commands.sealing import CustomerErased, UnknownCustomer
from feedback.orders.store import get_persons_order
from feedback.photos.keeping.protocol import Keeper
from feedback.photos.rules import NoPhoto, PhotoStoreAway
from feedback.rewards.rules import count_shown

KINDS: tuple[TicketKind, ...] = ("quality", "return", "exchange", "question", "suggestion")
MOST_CHARACTERS = 2_000
PAGES: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"text/html": {"schema": {"type": "string"}}}}
    for status, meaning in {404: "a bad link", 422: "what to mend", 503: "later"}.items()
}
"""Every answer here is a page, since a person reads it."""
WORDS = {
    "en": {
        "title": "Repair, return, exchange", "order": "Order", "kind": "What is it about?",
        "quality": "Something is broken",
        "return": "I want to return it", "exchange": "I want another one for it", "question": "I have a question",
        "suggestion": "I have a suggestion",
        "text": "Please tell us about it", "photo": "A photo (JPEG, PNG or WebP, at most 10 MB)",
        "optional": "may be left out", "send": "Send", "thanks": "Thank you. We have your message and will answer.",
        "bad": "This link is not complete. Please scan the card again.",
        "later": "Your message cannot be stored right now. Please try again in a few minutes.",
        "missing": "Please choose what it is about, and write some words.",
        "no_photo": "This file is no photo that we can open. Please send a JPEG, PNG or WebP.",
    },
    "zh": {
        "title": "维修 / 退货 / 换货", "order": "订单", "kind": "您遇到了什么问题?", "quality": "商品有问题",
        "return": "我想退货", "exchange": "我想换货", "question": "我想咨询",
        "suggestion": "我有建议",
        "text": "请描述一下情况", "photo": "照片(JPEG、PNG 或 WebP,最大 10 MB)",
        "optional": "选填", "send": "提交", "thanks": "谢谢!我们已收到您的留言,会尽快回复。",
        "bad": "链接不完整,请重新扫描卡片。", "later": "暂时无法保存您的留言,请几分钟后再试。",
        "missing": "请选择问题类型,并写几句话。", "no_photo": "无法打开这个文件,请发送 JPEG、PNG 或 WebP 照片。",
    },
}  # fmt: skip
_PAGE = pages.body("""\
<h1>{{ words.title }}</h1>
{% if answer %}
<p dir="auto">{{ answer }}</p>
{% endif %}
{% if card %}
<p>{{ words.order }} <bdi>{{ card.order_id }}</bdi></p>
<form method="post" enctype="multipart/form-data">
<fieldset><legend>{{ words.kind }}</legend>
{% for kind in kinds %}
<label><input type="radio" name="kind" value="{{ kind }}" required{% if kind == given.kind %} checked{% endif %}>
{{ words[kind] }}</label><br>
{% endfor %}
</fieldset>
<p><label for="text">{{ words.text }}</label>
<textarea id="text" name="text" rows="5" dir="auto" required maxlength="{{ most }}">{{ given.text }}</textarea></p>
{% if photos %}
<p><label for="photo">{{ words.photo }} <small>({{ words.optional }})</small></label>
<input id="photo" name="photo" type="file" accept="image/jpeg,image/png,image/webp"></p>
{% endif %}
<button>{{ words.send }}</button>
</form>
{% endif %}
""")
_FIELDS: dict[str, Any] = {"kind": {"type": "string", "enum": list(KINDS)}, "text": {"type": "string"}}
_FORM_BODY: dict[str, Any] = {
    "requestBody": {
        "description": "the page's own form",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {**_FIELDS, "photo": {"type": "string", "format": "binary"}}}
            },
            "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": _FIELDS}},
        },
    }
}
assert set(KINDS) <= set(get_args(TicketKind))


class ServiceCardIn(Body):
    """Whose parcel, and which order of theirs, the card goes with."""

    customer: Identifier
    order_id: Identifier


class ServiceCardOut(BaseModel):
    """`address`: the link of the card; `qr_code`: the same as an SVG document, to be printed."""

    address: str
    qr_code: str


class NoSuchOrder(NotFound):
    """The customer has no such order here."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            "unknown_order", f"The customer has no order {order_id!r} here: send it to orders-ingest first."
        )


def routes(keeper_of: Callable[[], Keeper | None]) -> APIRouter:
    """The routes; `keeper_of` gives None where the installation keeps no photos: the page then asks for none."""
    router = Router(tags=["service cards"])

    @router.post("/v1/shops/{shop}/service-cards", dependencies=[require("feedback:write")])
    async def make_service_card(shop: ShopName, body: ServiceCardIn, request: Request, tx: Tx) -> ServiceCardOut:
        """The card that goes into an order's parcel, to be scanned when something is to be repaired or sent back."""
        if await get_persons_order(tx, (shop, body.customer), body.order_id) is None:
            raise NoSuchOrder(body.order_id)
        address = _links(request).url(Card(shop, body.customer, body.order_id))
        return ServiceCardOut(address=address, qr_code=qr_code(address))

    @router.get(link("c"), response_class=HTMLResponse, responses=PAGES, dependencies=[public("the link is sealed")])
    async def show_card(token: str, request: Request, tx: Tx) -> HTMLResponse:
        """What it is about, to be filled in; changes nothing."""
        card, shop = await _card(request, tx, token)
        if card is None:
            return _page(request, 404, "bad")
        return _page(request, 200, None, shop, card, photos=keeper_of() is not None)

    @router.post(
        link("c"),
        response_class=HTMLResponse,
        responses=PAGES,
        dependencies=[public("the link is sealed")],
        openapi_extra=_FORM_BODY,
    )
    async def post_card(token: str, request: Request) -> HTMLResponse:
        """Open a ticket about the order, or add to the open one of that kind; the very same again changes nothing while
        that is open."""
        runtime, keeper = runtime_of(request), keeper_of()
        async with runtime.database.transaction() as tx:
            card, shop = await _card(request, tx, token)
        if card is None:
            return _page(request, 404, "bad")
        async with request.form(max_files=1, max_fields=5) as sent:
            kind, text = str(sent.get("kind", "")), str(sent.get("text", "")).strip().replace("\r\n", "\n")
            file = sent.get("photo")
            photo = await file.read() if isinstance(file, UploadFile) else b""
        given = {"kind": kind, "text": text[:MOST_CHARACTERS]}

        def again(status: int, note: str) -> HTMLResponse:
            return _page(request, status, note, shop, card, given, photos=keeper is not None)

        known = next((one for one in KINDS if one == kind), None)
        if known is None or not count_shown(text) or len(text) > MOST_CHARACTERS or UNFIT.search(text):
            return again(422, "missing")
        customer, names = (card.shop, card.customer), tuple[str, ...]()
        try:
            if photo and keeper is not None:
                name = f"card-{hashlib.sha256(photo).hexdigest()[:24]}"
                await keep_photo(runtime.database, runtime.keys, keeper, customer, name, photo)
                names = (name,)
            said = hashlib.sha256("\n".join((card.order_id, known, text, *names)).encode()).hexdigest()[:24]
            message = Message(f"card-{said}", "card", text, names, card.order_id, known)
            async with runtime.database.transaction() as tx:
                taken = await take_card(tx, runtime.keys, customer, message)
        except NoPhoto:
            return again(422, "no_photo")
        except CustomerErased:
            return _page(request, 404, "bad")
        except (UnknownCustomer, PhotoStoreAway):
            return again(503, "later")
        return _page(request, 200, "thanks", shop, answer=taken.answer)

    return router


def _links(request: Request) -> CardLinks:
    runtime = runtime_of(request)
    return CardLinks(runtime.master, runtime.settings.public_url)


async def _card(request: Request, tx: Tx, token: str) -> tuple[Card | None, str | None]:
    """The card of a link, with the shop's name."""
    try:
        card = _links(request).read(token)
    except BadCard:
        return None, None
    return card, (await display_names(tx, [card.shop], tx.clock.now()))[card.shop]


def _page(
    request: Request,
    status: int,
    note: str | None,
    shop: str | None = None,
    card: Card | None = None,
    given: dict[str, str] | None = None,
    *,
    photos: bool = False,
    answer: str | None = None,
) -> HTMLResponse:
    return pages.answer(
        _PAGE,
        request,
        status,
        WORDS,
        note=note,
        shop=shop,
        card=card,
        given=given or {"kind": "", "text": ""},
        kinds=KINDS,
        most=MOST_CHARACTERS,
        photos=photos,
        answer=answer,
    )
