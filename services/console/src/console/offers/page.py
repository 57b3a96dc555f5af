"""Offers: what is on, one with what came of it, a new one, its coupons, its end; the calendar with overlaps."""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from common.events.fields import PlannedDay
from common.values.paths import part
from console.access.forms import new_form
from console.forms.sheets import Command, currency_of, order, sent
from console.offers import forms
from console.offers.to_segment import issue_to_segment
from console.texts import N_
from console.web.formats import cell
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see
from console.web.today import today

router = APIRouter()
ROWS, DAYS, MOST_COUPONS, EFFECT_DAYS = 50, 42, 100_000, "30"
Name = Annotated[str, Path(max_length=200)]
After = Annotated[str, Query(max_length=500)]


@router.get("/s/{shop}/offers")
async def offers(viewer: Guarded, after: After = "") -> Response:
    """All offers by id, with uses and what they took off."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    page, currency = await viewer.ask(
        viewer.of_shop("membership", "/offers", **asked), viewer.of_shop("orders-ingest", "/settings")
    )
    return viewer.draw("offers/offers.html", page=page, settings=currency, after=after, part=part)


@router.get("/s/{shop}/offers-calendar")
async def offers_calendar(viewer: Guarded, first: Annotated[PlannedDay | None, Query()] = None) -> Response:
    """Six weeks of days, each with the offers that hold on it (MEM-084)."""
    start = first or (await today(viewer)).replace(day=1)
    asked = {"first": start.isoformat(), "days": str(DAYS)}
    (page,) = await viewer.ask(viewer.of_shop("membership", "/offers/calendar", **asked))
    return viewer.draw("offers/calendar.html", page=page, first=start, days=DAYS, part=part)


@router.get("/s/{shop}/offer-form")
async def offer_form(viewer: Guarded) -> Response:
    """An empty form."""
    return await _form(viewer, {})


async def _form(
    viewer: Viewer, written: dict[str, str], wrong: dict[str, str] | None = None, error: str = "", status: int = 200
) -> Response:
    return viewer.draw(
        "offers/form.html",
        status,
        what=forms.WHAT,
        fits=forms.FOR,
        written=written,
        wrong=wrong or {},
        error=error,
        currency=await currency_of(viewer),
    )


@router.post("/s/{shop}/offers")
async def save_offer(viewer: Guarded) -> Response:
    """Set once: terms never change, and an id that is taken is refused by its owner."""
    written, currency = await sent(viewer), await currency_of(viewer)
    body, wrong = forms.terms(written, viewer.zone, currency)
    if wrong:
        return await _form(viewer, written, wrong, "", 422)

    async def again(error: str, status: int) -> Response:
        return await _form(viewer, written, {}, error, status)

    path = f"/offers/{part(body.pop('offer_id'))}"
    command = Command("save_offer", path.strip("/"), "membership", "PUT", path)
    return await order(viewer, written.get("form", "")[:50], command, again, path, json=body)


@router.get("/s/{shop}/offers/{offer}")
async def one_offer(viewer: Guarded, offer: Name) -> Response:
    """Its terms, what came of it, and coupons to be issued."""
    return await _page(viewer, offer)


async def _page(
    viewer: Viewer, offer: str, error: str = "", status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    (found,) = await viewer.console.services.ask(viewer.of_shop("membership", f"/offers/{part(offer)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    written = await sent(viewer) if error or wrong else {}
    return viewer.draw(
        "offers/one.html",
        status,
        o=found.body,
        here=part(offer),
        currency=await currency_of(viewer),
        fields=forms.ISSUE,
        written={"command": new_form()} | written,
        wrong=wrong or {},
        error=error,
    )


@router.post("/s/{shop}/offers/{offer}/stop")
async def stop_offer(viewer: Guarded, offer: Name, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Nothing more is issued or reserved; what was reserved stays promised."""

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, offer, error, status)

    path = f"/offers/{part(offer)}"
    return await order(
        viewer, form, Command("stop_offer", path.strip("/"), "membership", "POST", f"{path}/stop"), again, path
    )


@router.post("/s/{shop}/offers/{offer}/coupons")
async def issue_coupons(viewer: Guarded, offer: Name) -> Response:
    """One batch, or one word; a batch that is sent again gives nobody a second coupon (MEM-054)."""
    written = await sent(viewer)
    body, wrong = forms.issue(written, viewer.zone, f"console-{written.get('command', new_form())[:60]}")
    if wrong:
        return await _page(viewer, offer, "", 422, wrong)

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, offer, error, status)

    path = f"/offers/{part(offer)}"
    if "segment" in body:
        error = await issue_to_segment(viewer, offer, written.get("form", "")[:50], body)
        if error is not None:
            return await _page(viewer, offer, error, 422)
        return see(viewer.url(f"{path}/coupons/{part(body['batch'])}"), "done")
    back = f"/coupons/{part(body['code'])}" if "code" in body else f"{path}/coupons/{part(body['batch'])}"
    command = Command("issue_coupons", path.strip("/"), "membership", "POST", f"{path}/coupons")
    return await order(viewer, written.get("form", "")[:50], command, again, back, json=body)


@router.get("/s/{shop}/offers/{offer}/coupons/{batch}")
async def batch_of_coupons(
    viewer: Guarded, offer: Name, batch: Name, after: After = "", download: Annotated[bool, Query()] = False
) -> Response:
    """The codes of a batch, to be printed or sent; downloaded as a table, which is recorded."""
    if download:
        await viewer.record("download_coupons", f"offers/{part(offer)}/coupons/{part(batch)}", "downloaded")
        return await _table(viewer, offer, batch)
    asked = {"batch": batch, "limit": str(ROWS)} | ({"after": after} if after else {})
    page, effect = await viewer.ask(
        viewer.of_shop("membership", f"/offers/{part(offer)}/coupons", **asked),
        viewer.of_shop("membership", f"/offers/{part(offer)}/effect", batch=batch, days=EFFECT_DAYS),
    )
    return viewer.draw(
        "offers/batch.html",
        page=page,
        effect=effect,
        offer=offer,
        batch=batch,
        here=part(offer),
        after=after,
        part=part,
    )


async def _table(viewer: Viewer, offer: str, batch: str) -> Response:
    """All coupons of the batch, 100,000 at most, as CSV. Raises NoAnswer: half a table would pass for the whole."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["code", "customer", "valid_until", "used"])
    asked, count = {"batch": batch, "limit": "500"}, 0
    while count < MOST_COUPONS:
        (found,) = await viewer.console.services.ask(
            viewer.of_shop("membership", f"/offers/{part(offer)}/coupons", **asked)
        )
        if found.state == "unknown":
            raise NotHere
        if not found.ok:
            raise NoAnswer(found)
        rows.writerows(
            [cell(c["code"]), cell(c["customer"] or ""), c["valid_until"], c["used"]] for c in found.body["coupons"]
        )
        count += len(found.body["coupons"])
        if not found.body["after"]:
            break
        asked["after"] = found.body["after"]
    headers = {"content-disposition": 'attachment; filename="coupons.csv"'}
    return Response(written.getvalue(), 200, headers, "text/csv; charset=utf-8")


@router.get("/s/{shop}/coupon-search")
async def search_coupon(viewer: Guarded, code: Annotated[str, Query(max_length=200)] = "") -> Response:
    """To the coupon of a code."""
    if not code.strip():
        raise NotHere
    return await _coupon(viewer, code.strip())


@router.get("/s/{shop}/coupons/{code}")
async def one_coupon(viewer: Guarded, code: Name) -> Response:
    """Of which offer it is, whose, until when, and how often it was used."""
    return await _coupon(viewer, code)


async def _coupon(viewer: Viewer, code: str, error: str = "", status: int = 200) -> Response:
    (found,) = await viewer.console.services.ask(viewer.of_shop("membership", f"/coupons/{part(code)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok and not error:
        error, status = viewer.say(N_("There is no coupon of this code.")), 404
    return viewer.draw(
        "offers/coupon.html", status, c=found.body if found.ok else None, code=code, part=part, error=error
    )


@router.post("/s/{shop}/coupons/{code}/void")
async def void_coupon(viewer: Guarded, code: Name, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Taken back; what was reserved on an order stays promised."""

    async def again(error: str, status: int) -> Response:
        return await _coupon(viewer, code, error, status)

    path = f"/coupons/{part(code)}"
    return await order(
        viewer, form, Command("void_coupon", path.strip("/"), "membership", "POST", f"{path}/void"), again, path
    )
