"""Customers: the search by id or e-mail, and the list with its filters; the list's state is its address alone."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response

from console.web.guard import Guarded
from console.web.page import Viewer, see
from console.web.paths import part

router = APIRouter()
ROWS = 50
STAGES = ("prospect", "new", "returning")
LIFE_CYCLE = ("active", "sleeping", "pre_churn", "churned", "dead")
RFM = ("important_value", "important_development", "important_keep", "general_value")
CELLS = ("111", "101", "011", "001", "110", "100", "010", "000")
FILTERS = {"stage": STAGES, "life_cycle": LIFE_CYCLE, "rfm": RFM, "cell": CELLS}
Chosen = Annotated[str, Query(max_length=50)]


@router.get("/s/{shop}/customers")
async def find_customer(
    viewer: Guarded,
    stage: Chosen = "",
    life_cycle: Chosen = "",
    rfm: Chosen = "",
    cell: Chosen = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The list; a value that there is not is dropped, and said so."""
    given = {"stage": stage, "life_cycle": life_cycle, "rfm": rfm, "cell": cell}
    chosen = {name: value for name, value in given.items() if value in FILTERS[name]}
    dropped = [value for name, value in given.items() if value and name not in chosen]
    return await _drawn(viewer, chosen, after, dropped=dropped)


async def _drawn(
    viewer: Viewer,
    chosen: dict[str, str],
    after: str = "",
    *,
    dropped: list[str] | None = None,
    wanted: str = "",
    error: str = "",
    several: list[str] | None = None,
    status: int = 200,
) -> Response:
    asked = chosen | {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.console.services.ask(viewer.of_shop("segmentation", "/customers", **asked))
    return viewer.draw(
        "customers/find.html",
        status,
        page=page,
        filters=FILTERS,
        chosen=chosen,
        after=after,
        dropped=dropped or [],
        wanted=wanted,
        error=error,
        several=several or [],
        link=lambda **more: _link(viewer, chosen, **more),
        part=part,
    )


def _link(viewer: Viewer, chosen: dict[str, str], *, without: str = "", after: str = "") -> str:
    """The list's address with these filters but one, from the customer behind `after` on."""
    query = {name: value for name, value in chosen.items() if name != without} | ({"after": after} if after else {})
    return viewer.url("/customers") + (f"?{urlencode(query)}" if query else "")


@router.post("/s/{shop}/customers")
async def send_find_customer(viewer: Guarded, wanted: Annotated[str, Form(max_length=300)] = "") -> Response:
    """To the customer's page: what is searched for is in no address until it is an id that somebody knows."""
    wanted = wanted.strip()
    if not wanted:
        return await _drawn(viewer, {}, error=viewer.say("Enter a customer's id or e-mail."), status=422)
    if "@" in wanted:
        return await _by_mail(viewer, wanted)
    answers = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", f"/customers/{part(wanted)}"),
        viewer.of_shop("segmentation", f"/customers/{part(wanted)}"),
    )
    if any(answer.ok for answer in answers):
        return see(viewer.url(f"/customers/{part(wanted)}"))
    if any(answer.state == "unavailable" for answer in answers):
        return await _nobody_says(viewer, wanted)
    error = viewer.say("This shop knows no customer of this id.")
    return await _drawn(viewer, {}, wanted=wanted, error=error, status=404)


async def _nobody_says(viewer: Viewer, wanted: str) -> Response:
    error = viewer.say("Nobody can say now: a service did not answer. Try again.")
    return await _drawn(viewer, {}, wanted=wanted, error=error, status=503)


async def _by_mail(viewer: Viewer, wanted: str) -> Response:
    """Messaging compares keyed hashes; whether somebody was erased shows in no answer."""
    path = f"/v1/shops/{viewer.here}/customers/search"
    found = await viewer.console.services.tell("messaging", "POST", path, json={"address": wanted})
    if found.state == "unavailable":
        return await _nobody_says(viewer, wanted)
    customers = found.body["customers"] if found.ok else []
    match customers:
        case [one]:
            return see(viewer.url(f"/customers/{part(one)}"))
        case []:
            error = viewer.say("No customer of this shop has this e-mail now. Check that it is whole.")
            return await _drawn(viewer, {}, wanted=wanted, error=error, status=404)
        case _:
            return await _drawn(viewer, {}, wanted=wanted, several=customers)
