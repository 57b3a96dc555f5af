"""The desk of tickets: the queue with its clocks, one ticket with all that was done, and each step as a command."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.feedback import photos, steps
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()
ROWS = 50
VIEWS = ("all", "overdue", "approve", "mine")


@router.get("/s/{shop}/tickets")
async def tickets(
    viewer: Guarded,
    view: Annotated[str, Query(max_length=20)] = "all",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Open tickets by priority, then by what is due first."""
    shown = view if view in VIEWS else "all"
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    match shown:
        case "overdue":
            asked["overdue"] = "true"
        case "approve":
            asked["to_approve"] = "true"
        case "mine":
            asked["owner"] = viewer.who.name
    page, report = await viewer.ask(
        viewer.of_shop("feedback", "/tickets", **asked), viewer.of_shop("feedback", "/ticket-report")
    )

    def link(view: str, after: str = "") -> str:
        return viewer.url("/tickets") + "?" + urlencode({"view": view} | ({"after": after} if after else {}))

    return viewer.draw(
        "feedback/tickets.html", page=page, report=report, view=shown, views=VIEWS, after=after, link=link, part=part
    )


@router.get("/s/{shop}/tickets/{ticket}")
async def one_ticket(viewer: Guarded, ticket: str) -> Response:
    """Everything that was done with it, and what can be done now."""
    return await _page(viewer, ticket)


async def _page(viewer: Viewer, ticket: str, error: str = "", failed: str = "", status: int = 200) -> Response:
    found, settings, pictures = await viewer.console.services.ask(
        viewer.of_shop("feedback", f"/tickets/{part(ticket)}"),
        viewer.of_shop("orders-ingest", "/settings"),
        viewer.of_shop("feedback", f"/tickets/{part(ticket)}/photos"),
    )
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    await viewer.open_customer(found.body["customer"])
    here = part(found.body["customer"])
    return viewer.draw(
        "feedback/one_ticket.html",
        status,
        t=found.body,
        here=here,
        ticket=part(ticket),
        currency=settings.body["current"]["currency"] if settings.ok else None,
        offered=steps.offered(found.body) if viewer.may("send_step") else {},
        choices=steps.CHOICES,
        names=steps.NAMES,
        shown=viewer.may("show_contact") and await viewer.may_look(f"customers/{here}/words"),
        pictures=pictures,
        pictures_shown=viewer.may("show_photos") and await viewer.may_look(photos.thing(ticket)),
        error=error,
        failed=failed,
        form=await viewer.request.form() if error else {},
    )


@router.post("/s/{shop}/tickets/{ticket}/{action}")
async def send_step(viewer: Guarded, ticket: str, action: str) -> Response:
    """One step; somebody else's, made since the page was drawn, is never overwritten."""
    if action not in steps.STEPS:
        raise NotHere
    form = {name: str(value)[:4_000] for name, value in (await viewer.request.form()).items()}
    (settings,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    if not settings.ok:
        raise NoAnswer(settings)
    try:
        body = steps.command(action, form, viewer.zone, settings.body["current"]["currency"])
    except steps.Unusable as error:
        return await _page(viewer, ticket, viewer.say(error.text), action, 422)
    entry = form.get("form", "")[:50]
    revision = whole(form.get("revision", ""))
    body |= {"entry_id": f"console-{entry}", "by": viewer.who.name, "revision": revision}
    path = f"/tickets/{part(ticket)}"
    answer = await carry_out(
        viewer, f"ticket_{action}", path.strip("/"), entry, "feedback", "POST", f"{path}/entries", json=body
    )
    if answer is not None and not answer.ok:
        return await _page(viewer, ticket, why_not(viewer, answer), action, status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "step-done")


@router.post("/s/{shop}/tickets/{ticket}/points/{item}")
async def check_point(viewer: Guarded, ticket: str, item: str) -> Response:
    """A point of the checklist is done."""
    entry = str((await viewer.request.form()).get("form", ""))[:50]
    body = {"action": "check", "item": item, "entry_id": f"console-{entry}", "by": viewer.who.name}
    path = f"/tickets/{part(ticket)}"
    answer = await carry_out(
        viewer, "ticket_check", path.strip("/"), entry, "feedback", "POST", f"{path}/entries", json=body
    )
    if answer is not None and not answer.ok:
        return await _page(viewer, ticket, why_not(viewer, answer), "", status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "step-done")
