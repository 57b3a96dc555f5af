"""Flows: the list, one with picture, figures and versions, switched on and off, and tried on the past."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from common.values.paths import part
from console.client import Answer
from console.flows.tried import Tried
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()
Name = Annotated[str, Path(max_length=40)]
WITHIN_S, PAGES, CUSTOMERS = 20.0, 5, 500
"""A trial looks at 2,500 customers, and says so."""


@router.get("/s/{shop}/flows")
async def flows(viewer: Guarded) -> Response:
    """All flows as they are now."""
    (page,) = await viewer.console.services.ask(viewer.of_shop("messaging", "/flows"))
    return viewer.draw("flows/flows.html", page=page, part=part)


async def _one(viewer: Viewer, flow: str) -> Answer:
    """Raises NoAnswer, NotHere."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/flows/{part(flow)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return found


@router.get("/s/{shop}/flows/{flow}")
async def one_flow(viewer: Guarded, flow: Name) -> Response:
    """What starts it, its steps as a picture and as words, who is where, what became of its messages, versions."""
    return await _page(viewer, flow)


async def _page(viewer: Viewer, flow: str, error: str = "", status: int = 200, **more: Any) -> Response:
    here, found = part(flow), await _one(viewer, flow)
    figures, versions = await viewer.ask(
        viewer.of_shop("messaging", f"/flows/{here}/figures"), viewer.of_shop("messaging", f"/flows/{here}/versions")
    )
    given: dict[str, Any] = {"tried": None, "since": "", "until": "", **more}
    return viewer.draw(
        "flows/flow.html",
        status,
        f=found.body,
        here=here,
        figures=figures,
        versions=versions,
        all=[figures, versions],
        error=error,
        part=part,
        **given,
    )


@router.get("/s/{shop}/flows/{flow}/picture")
async def flow_picture(viewer: Guarded, flow: Name) -> Response:
    """The flow drawn by messaging, as an image: nothing in it runs."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/flows/{part(flow)}/picture"))
    if not found.ok or not isinstance(found.body, str):
        return Response(status_code=404 if found.state == "unknown" else 503)
    return Response(found.body, media_type="image/svg+xml")


@router.get("/s/{shop}/flows/{flow}/switch")
async def check_switch(viewer: Guarded, flow: Name) -> Response:
    """What switching it on or off will do, before it is done."""
    found = await _one(viewer, flow)
    return viewer.draw("flows/switch.html", f=found.body, here=part(flow))


@router.post("/s/{shop}/flows/{flow}/switch")
async def switch_flow(
    viewer: Guarded,
    flow: Name,
    form: Annotated[str, Form(max_length=50)],
    replaces: Annotated[str, Form(max_length=20)],
    enabled: Annotated[bool, Form()],
) -> Response:
    """A new version that differs in this alone; never over one saved meanwhile."""
    found, path = await _one(viewer, flow), f"/flows/{part(flow)}"
    body = {"document": found.body["document"] | {"enabled": enabled}, "replaces": whole(replaces) or 0}
    action = "switch_flow_on" if enabled else "switch_flow_off"
    answer = await carry_out(viewer, action, path.strip("/"), form, "messaging", "PUT", path, json=body)
    if answer is not None and not answer.ok:
        return await _page(viewer, flow, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "flow-switched")


@router.post("/s/{shop}/flows/{flow}/try")
async def try_flow(
    viewer: Guarded,
    flow: Name,
    since: Annotated[str, Form(max_length=20)] = "",
    until: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """What it would have sent between two days; nothing is stored or sent."""
    typed: dict[str, Any] = {"since": since, "until": until}
    days = _days(since, until, viewer.zone)
    if days is None:
        return await _page(
            viewer, flow, viewer.say(N_("Say from which day to which, the later one last.")), 422, **typed
        )
    tried, after = Tried(), ""
    for _ in range(PAGES):
        body = {"since": days[0].isoformat(), "until": days[1].isoformat(), "after": after, "customers": CUSTOMERS}
        path = f"/v1/shops/{viewer.here}/flows/{part(flow)}/what-if"
        answer = await viewer.console.services.tell("messaging", "POST", path, within_s=WITHIN_S, json=body)
        if not answer.ok:
            return await _page(viewer, flow, why_not(viewer, answer), status_of(answer), **typed)
        tried.add(answer.body)
        after = answer.body["next_after"] or ""
        if not after:
            break
    return await _page(viewer, flow, tried=tried, whole=not after, **typed)


def _days(since: str, until: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """From the beginning of one day to the end of another, in the zone; None where they are no such days."""
    try:
        begin, end = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (since, until))
        return (begin, end + timedelta(days=1)) if begin <= end else None
    except (ValueError, OverflowError):
        return None
