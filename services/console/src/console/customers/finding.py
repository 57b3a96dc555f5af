"""Customers: the search by id, e-mail, phone or name, and the list with its filters, whose state is its address."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.access.store_views import list_views
from console.client import Answer
from console.customers.as_segment import condition_of
from console.texts import N_
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()
ROWS = 50
STAGES = ("prospect", "new", "returning")
LIFE_CYCLE = ("active", "sleeping", "pre_churn", "churned", "dead")
RFM = ("important_value", "important_development", "important_keep", "general_value")
CELLS = ("111", "101", "011", "001", "110", "100", "010", "000")
FILTERS = {"stage": STAGES, "life_cycle": LIFE_CYCLE, "rfm": RFM, "cell": CELLS}
_PHONE = re.compile(r"\+[\d\s()./-]{6,30}")
Chosen = Annotated[str, Query(max_length=100)]
Wanted = Annotated[str, Form(max_length=300)]


@router.get("/s/{shop}/customers")
async def find_customer(
    viewer: Guarded,
    stage: Chosen = "",
    life_cycle: Chosen = "",
    rfm: Chosen = "",
    cell: Chosen = "",
    tier: Chosen = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The list; a value that there is not is dropped, and said so."""
    given = {"stage": stage, "life_cycle": life_cycle, "rfm": rfm, "cell": cell, "tier": tier}
    return await listed(viewer, given, after)


async def listed(
    viewer: Viewer,
    given: dict[str, str],
    after: str = "",
    *,
    wanted: str = "",
    error: str = "",
    several: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """The list as filtered. `several`: the customers whom a search found, with `wanted` and `next_after`."""
    services = viewer.console.services
    (report,) = await services.ask(viewer.of_shop("membership", "/report"))
    tiers = {each["tier_id"]: each["tier"] for each in report.body["tiers"]} if report.ok else {}
    # Where membership is away, the tier that stands in the address is taken as it is.
    values = FILTERS | {"tier": tuple(tiers) if report.ok else (given.get("tier", ""),)}
    chosen = {name: value for name, value in given.items() if value and value in values[name]}
    asked = chosen | {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await services.ask(viewer.of_shop("segmentation", "/customers", **asked))
    shown = [each["customer"] for each in page.body["customers"]] if page.ok else []
    found = several["customers"] if several else []
    async with viewer.console.database.transaction() as tx:
        views = await list_views(tx, viewer.here, viewer.who.person_id)
    return viewer.draw(
        "customers/find.html",
        status,
        page=page,
        filters=values,
        tiers=tiers,
        names=await _masked_names(viewer, [*found, *shown]),
        chosen=chosen,
        views=views,
        query=urlencode(chosen),
        condition=condition_of(chosen, tiers),
        after=after,
        dropped=[value for name, value in given.items() if value and name not in chosen],
        wanted=wanted,
        error=error,
        several=several or {},
        link=lambda **more: _link(viewer, chosen, **more),
        part=part,
    )


async def _masked_names(viewer: Viewer, customers: list[str]) -> dict[str, str]:
    """The first sign of each name, to tell rows apart; none where orders-ingest does not say."""
    if not customers:
        return {}
    path, asked = f"/v1/shops/{viewer.here}/customers/names", list(dict.fromkeys(customers))[:100]
    answer = await viewer.console.services.tell("orders-ingest", "POST", path, json={"customers": asked})
    return answer.body["names"] if answer.ok else {}


def _link(viewer: Viewer, chosen: dict[str, str], *, without: str = "", after: str = "") -> str:
    """The list's address with these filters but one, from the customer behind `after` on."""
    query = {name: value for name, value in chosen.items() if name != without} | ({"after": after} if after else {})
    return viewer.url("/customers") + (f"?{urlencode(query)}" if query else "")


@router.post("/s/{shop}/customers")
async def send_find_customer(
    viewer: Guarded, wanted: Wanted = "", after: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """To the customer's page: what is searched for is in no address until it is an id that somebody knows.

    With an @ it is an e-mail, with a + a phone; else an id, and where nobody has that, a name. Of an erased customer
    nothing but the erasure is told.
    """
    wanted = wanted.strip()
    if not wanted:
        return await _refused(viewer, "", viewer.say("Enter an id, e-mail, phone or name."), 422)
    if "@" in wanted or _PHONE.fullmatch(wanted):
        return await _by_sign(viewer, "email" if "@" in wanted else "phone", wanted, after)
    if not after:
        here = f"/customers/{part(wanted)}"
        *answers, erasure = await viewer.console.services.ask(
            viewer.of_shop("orders-ingest", here),
            viewer.of_shop("segmentation", here),
            viewer.of_shop("orders-ingest", f"{here}/erasure"),
        )
        if any(answer.ok for answer in answers):
            return see(viewer.url(here))
        if erasure.ok and viewer.may("erasure"):
            return see(viewer.url(f"{here}/erasure"))
        if any(answer.state == "unavailable" for answer in answers):
            return await _nobody_says(viewer, wanted)
    return await _by_sign(viewer, "name", wanted, after)


async def _by_sign(viewer: Viewer, kind: str, wanted: str, after: str) -> Response:
    """Orders-ingest compares keyed hashes; whether somebody was erased shows in no answer."""
    path = f"/v1/shops/{viewer.here}/customers/find"
    asked = {"kind": kind, "value": wanted, "limit": ROWS} | ({"after": after} if after else {})
    found: Answer = await viewer.console.services.tell("orders-ingest", "POST", path, json=asked)
    if found.state == "unavailable":
        return await _nobody_says(viewer, wanted)
    # Of a customer who was merged into another the other one stands.
    rows = found.body["customers"] if found.ok else []
    customers = list(dict.fromkeys(row["goes_on_as"] or row["customer"] for row in rows))
    if not customers:
        return await _refused(viewer, wanted, viewer.say(_NOBODY[kind]), 404)
    # Whose it is was not known before; what was searched for is written nowhere.
    await viewer.record(f"find_by_{kind}", " ".join(f"customers/{part(one)}" for one in customers), "found")
    if len(customers) == 1 and not after and not found.body["next_after"]:
        return see(viewer.url(f"/customers/{part(customers[0])}"))
    several = {"customers": customers, "wanted": wanted, "next_after": found.body["next_after"]}
    return await listed(viewer, {}, wanted=wanted, several=several)


_NOBODY = {
    "email": N_("No customer of this shop has this e-mail now. Check that it is whole."),
    "phone": N_("No customer of this shop has this phone now. Check that it is whole, with the country's code."),
    "name": N_("This shop knows no customer of this id or name. Write a phone with + and the country's code."),
}


async def _refused(viewer: Viewer, wanted: str, error: str, status: int) -> Response:
    return await listed(viewer, {}, wanted=wanted, error=error, status=status)


async def _nobody_says(viewer: Viewer, wanted: str) -> Response:
    return await _refused(viewer, wanted, viewer.say("Nobody can say now: a service did not answer. Try again."), 503)
