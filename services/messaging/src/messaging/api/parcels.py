"""The shop's parcel plan, the parcel of an order to be printed, scans, and what inserts bring (MSG-066 to MSG-074)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from common.events.fields import Count, Identifier, ShopName
from common.events.messages import ParcelPlanChanged
from common.http import pages
from common.http.api import Body, Router, Tx, public, require, runtime_of
from common.http.heads import ASKED_AS
from common.refusals import Conflict, Invalid
from common.values.links import link
from common.versions.table import tell
from messaging.commands.parcels import plan_parcel, take_scan
from messaging.delivery.clicks.rules import is_robot
from messaging.flows.checks import FACTS
from messaging.offers.rules import unusable
from messaging.offers.store import get_offers
from messaging.parcels.document import ParcelPlan, Sticker
from messaging.parcels.links import InsertLinks, Scanned, drawn
from messaging.parcels.rules import in_language
from messaging.parcels.store import PLANS, count_effects

router = Router(tags=["parcel plans"])
FAMILIES = ("segment", "coupon")
_ANYBODY = public("the signed link leads where the shop's insert says, and tells nothing")
WORDS = {
    "en": {"title": "Code", "bad": "This code is not complete. Please scan it again, whole."},
    "zh": {"title": "二维码", "bad": "二维码不完整,请重新完整扫描。"},
}
_PAGE = pages.body("")
_ANSWERS: dict[int | str, dict[str, Any]] = {
    302: {"description": "where the code leads"},
    404: {"description": "a bad code", "content": {"text/html": {"schema": {"type": "string"}}}},
}


class ParcelPlanChangedMeanwhile(Conflict):
    def __init__(self, version: int) -> None:
        said = "Somebody saved another version meanwhile: read it, and send yours again."
        super().__init__("parcel_plan_changed", said, version=version)


class ParcelPlanRefused(Invalid):
    def __init__(self, found: list[str]) -> None:
        super().__init__("parcel_plan_refused", f"It was not saved: {'; '.join(found[:10])}.", problems=found[:50])


class ParcelPlanIn(Body):
    """`replaces`: the version that was read; leave it away to replace whatever is there."""

    document: ParcelPlan
    replaces: Count | None = None


class ParcelPlanOut(BaseModel):
    """`version` 0: the shop has no plan yet."""

    version: int
    saved_at: datetime | None
    document: ParcelPlan


class ParcelAskedIn(Body):
    """`gift`: it is a present for somebody else; `show_price`: whether a present shows its price (MSG-072).

    Left away: as the parcel was planned; no present, where it was not. Other than it was planned: 409.
    """

    gift: bool | None = None
    show_price: bool | None = None


class PackedInsert(BaseModel):
    """`says`: what is printed on it. `link` and `code`: what its QR code holds, and the code as SVG."""

    insert: str
    title: str
    kind: str
    says: str | None
    link: str | None
    code: str | None


class ParcelOut(BaseModel):
    """`inserts` from the top of the parcel down. `prices`: whether the goods list shows them."""

    order_id: str
    version: int
    inserts: list[PackedInsert]
    outside: list[str]
    sticker: Sticker | None
    prices: bool


class InsertEffect(BaseModel):
    """Of the parcels that had it: how many were scanned, and whose customers ordered again; and of those both."""

    insert: str
    parcels: int
    scanned: int
    ordered_again: int
    scanned_and_ordered: int


class InsertEffectsOut(BaseModel):
    days: int
    inserts: list[InsertEffect] = Field(description="by name; the share of those who ordered again is to be compared")


@router.get("/v1/shops/{shop}/parcel-plan", dependencies=[require("programme:read")])
async def get_parcel_plan(shop: ShopName, tx: Tx) -> ParcelPlanOut:
    """The plan in force."""
    plans = (await PLANS.read(tx, [shop]))[shop]
    if not plans:
        return ParcelPlanOut(version=0, saved_at=None, document=ParcelPlan())
    return ParcelPlanOut(version=plans[-1].number, saved_at=plans[-1].valid_from, document=plans[-1].body)


@router.put("/v1/shops/{shop}/parcel-plan", dependencies=[require("programme:write")])
async def put_parcel_plan(shop: ShopName, body: ParcelPlanIn, tx: Tx) -> ParcelPlanOut:
    """Save a new version, for parcels that are planned from now on."""
    plans = (await PLANS.read(tx, [shop]))[shop]
    last = plans[-1].number if plans else 0
    if body.replaces is not None and body.replaces != last:
        raise ParcelPlanChangedMeanwhile(last)
    found = _problems(body.document)
    offers = {insert.code.offer for insert in body.document.inserts if insert.code and insert.code.offer}
    if offers:
        found += [f"offer: {said}" for said in unusable(offers, await get_offers(tx, shop, offers), tx.clock.now())]
    if found:
        raise ParcelPlanRefused(found)
    version, now = last + 1, tx.clock.now()
    if not await PLANS.insert(tx, shop, version, now, body.document):
        raise ParcelPlanChangedMeanwhile(version)
    stored: dict[str, Any] = body.document.model_dump(mode="json", by_alias=True, exclude_none=True)
    await tell(tx, shop, "parcel_plan", ParcelPlanChanged(version=version, valid_from=now, document=stored))
    return ParcelPlanOut(version=version, saved_at=now, document=body.document)


def _problems(document: ParcelPlan) -> list[str]:
    """A sentence for each condition that asks for what is no fact about a parcel's customer."""
    asked = [(insert.insert, check.what.partition(".")) for insert in document.inserts for check in insert.when]
    return [
        f"inserts.{name}: {''.join(what)} is no fact of a parcel's customer"
        for name, what in asked
        if not ((what[0] in FACTS and not what[2]) or (what[0] in FAMILIES and what[2]))
    ]


@router.post("/v1/shops/{shop}/customers/{customer}/orders/{order_id}/parcel", dependencies=[require("messages:write")])
async def post_parcel(
    shop: ShopName, customer: Identifier, order_id: Identifier, body: ParcelAskedIn, tx: Tx, request: Request
) -> ParcelOut:
    """What goes into the order's parcel, to be printed. Asked for again it is the same, a present too, under whichever
    identifier of the customer's."""
    planned = await plan_parcel(tx, (shop, customer), order_id, gift=body.gift, show_price=body.show_price)
    runtime = runtime_of(request)
    links, packing = InsertLinks(runtime.master, runtime.settings.public_url), planned.packing
    inserts = []
    for insert in packing.inserts:
        code = insert.code
        link = None
        if code is not None:
            whose = Scanned(shop, planned.customer, order_id, insert.insert, code.url, code.offer or "")
            link = links.url(whose)
        inserts.append(
            PackedInsert(
                insert=insert.insert,
                title=insert.title,
                kind=insert.kind,
                says=in_language(insert.says, planned.language),
                link=link,
                code=drawn(link) if link is not None else None,
            )
        )
    return ParcelOut(
        order_id=order_id,
        version=planned.version,
        inserts=inserts,
        outside=list(packing.outside),
        sticker=packing.sticker,
        prices=packing.prices,
    )


@router.get("/v1/shops/{shop}/parcel-plan/effects", dependencies=[require("messages:read")])
async def get_insert_effects(
    shop: ShopName, tx: Tx, days: Annotated[int, Query(ge=1, le=365)] = 60
) -> InsertEffectsOut:
    """What each insert brought (MSG-069): scans, and orders within so many days after the parcel."""
    rows = await count_effects(tx, shop, days)
    return InsertEffectsOut(days=days, inserts=[InsertEffect.model_validate(dict(r._mapping)) for r in rows])


@router.get(link("q"), response_class=HTMLResponse, status_code=302, responses=_ANSWERS, dependencies=[_ANYBODY])
async def follow_code(token: str, request: Request) -> Response:
    """Lead on whoever scanned the code. The first scan of a person's is announced, and asks for the insert's coupon."""
    runtime = runtime_of(request)
    scanned = InsertLinks(runtime.master, runtime.settings.public_url).read(token)
    if scanned is None:
        return pages.answer(_PAGE, request, 404, WORDS, note="bad")
    if ASKED_AS not in request.scope and not is_robot(request.headers.get("user-agent")):
        await runtime.database.run(lambda tx: take_scan(tx, scanned))
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex"}
    return RedirectResponse(scanned.url, 302, headers=headers)
