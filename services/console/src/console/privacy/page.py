"""Erasure of a customer, asked for after a second look and followed until it is complete; export of what is kept."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Form, Response

from common.values.paths import part
from console.client import Answer
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see

router = APIRouter()
MOST_ROWS, ROWS = 50_000, 1_000
"""An export is held in memory until it is whole: half of one would pass for all."""


async def _kept(viewer: Viewer, customer: str) -> dict[str, Answer]:
    """By service, how many rows of each table are kept of the customer."""
    services = viewer.console.services
    asked = [viewer.of_shop(name, f"/customers/{part(customer)}/export") for name in services.names]
    return dict(zip(services.names, await services.ask(*asked), strict=True))


@router.get("/s/{shop}/customers/{customer}/erasure")
async def erasure(viewer: Guarded, customer: str) -> Response:
    """How far it is; of one that nobody asked for, what it would do."""
    return await _page(viewer, customer)


async def _page(viewer: Viewer, customer: str, error: str = "", status: int = 200) -> Response:
    here = part(customer)
    report, profile, member = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", f"/customers/{here}/erasure"),
        viewer.of_shop("orders-ingest", f"/customers/{here}"),
        viewer.of_shop("membership", f"/members/{here}"),
    )
    if report.state == "unavailable":
        raise NoAnswer(report)
    if not report.ok and profile.state == "unknown" and member.state == "unknown":
        raise NotHere
    running = report.ok and report.body["completed_at"] is None
    return viewer.draw(
        "privacy/erasure.html", status, customer=customer, here=here, report=report, running=running, error=error
    )


@router.post("/s/{shop}/customers/{customer}/erasure/check")
async def check_erasure(viewer: Guarded, customer: str, written: Annotated[str, Form(max_length=500)] = "") -> Response:
    """The second look: what is kept in each service, once the id was written by hand."""
    if written.strip() != customer:
        return await _page(viewer, customer, viewer.say(N_("Write the customer's id as it stands above.")), 422)
    kept = await _kept(viewer, customer)
    return viewer.draw("privacy/check.html", customer=customer, here=part(customer), kept=kept)


@router.post("/s/{shop}/customers/{customer}/erasure")
async def send_erasure(viewer: Guarded, customer: str, form: Annotated[str, Form(max_length=50)]) -> Response:
    """For ever: from the answer on nothing personal opens anywhere."""
    path = f"/customers/{part(customer)}/erasure"
    answer = await carry_out(viewer, "erase", path.strip("/"), form, "orders-ingest", "POST", path)
    if answer is not None and not answer.ok:
        return await _page(viewer, customer, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "erasure-asked")


@router.get("/s/{shop}/customers/{customer}/export")
async def export(viewer: Guarded, customer: str) -> Response:
    """How much each service keeps of the customer."""
    kept = await _kept(viewer, customer)
    return viewer.draw("privacy/export.html", customer=customer, here=part(customer), kept=kept, error="")


@router.post("/s/{shop}/customers/{customer}/export")
async def download_export(viewer: Guarded, customer: str, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Everything that every service keeps, opened, as one JSON file; the look is recorded first."""
    thing = f"customers/{part(customer)}/export"
    await viewer.record("export", thing, "asked", form)
    kept = await _kept(viewer, customer)
    for each in kept.values():
        if not each.ok:
            raise NoAnswer(each)
    if sum(sum(each.body["tables"].values()) for each in kept.values()) > MOST_ROWS:
        error = viewer.say(N_("There is more than a page can hold: ask each service by its API, table by table."))
        return viewer.draw("privacy/export.html", 422, customer=customer, here=part(customer), kept=kept, error=error)
    found = {name: await _rows(viewer, customer, name, each) for name, each in kept.items()}
    await viewer.record("export", thing, "downloaded")
    headers = {"content-disposition": 'attachment; filename="customer.json"'}
    body = orjson.dumps({"shop": viewer.here, "customer": customer, "services": found}, option=orjson.OPT_INDENT_2)
    return Response(body, 200, headers, "application/json")


async def _rows(viewer: Viewer, customer: str, service: str, kept: Answer) -> dict[str, list[Any]]:
    """All rows of a service, by table. Raises NoAnswer."""
    found: dict[str, list[Any]] = {}
    for table, number in kept.body["tables"].items():
        after: str | None = "" if number else None
        found[table] = []
        while after is not None and len(found[table]) <= MOST_ROWS:
            path = f"/customers/{part(customer)}/export/{part(table)}"
            (page,) = await viewer.console.services.ask(viewer.of_shop(service, path, after=after, limit=str(ROWS)))
            if not page.ok:
                raise NoAnswer(page)
            found[table] += page.body["rows"]
            after = page.body["next"]
    return found
