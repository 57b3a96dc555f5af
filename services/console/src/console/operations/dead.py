"""Dead letters of the shop: list, look, mend, send again."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response

from console.client import Answer, Ask
from console.operations.dead_routes import is_own, list_dead, path_of
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see

router = APIRouter()
ROWS = 50
LONGEST = 500_000


@router.get("/s/{shop}/dead-letters")
async def dead(
    viewer: Guarded,
    service: Annotated[str, Query(max_length=50)] = "",
    after: Annotated[int, Query(ge=0)] = 0,
    sent: Annotated[bool, Query()] = False,
) -> Response:
    """The first 50 of each service, or a later page of one; `sent`: also those that were sent again."""
    services = viewer.console.services
    names = [service] if service in services.names else services.names
    query: dict[str, Any] = {"limit": ROWS, "after": after if len(names) == 1 else 0}
    if not sent:
        query["resent"] = False
    answers = await list_dead(services, viewer.here, names, query)
    return viewer.draw(
        "operations/dead.html",
        parts=answers,
        services=services.names,
        service=service if len(names) == 1 else "",
        sent=sent,
        after=after,
        rows_a_page=ROWS,
    )


@router.get("/s/{shop}/dead-letters/{service}/{dead_id}")
async def one_dead(viewer: Guarded, service: str, dead_id: int) -> Response:
    """What is known of it; the body where this session asked to see it."""
    row = await _row(viewer, service, dead_id)
    return await _drawn(viewer, service, row)


async def _row(viewer: Viewer, service: str, dead_id: int) -> dict[str, Any]:
    """The dead letter of this shop. Raises NotHere."""
    if service not in viewer.console.services.names or dead_id < 1:
        raise NotHere
    query = {"after": dead_id - 1, "limit": 1}
    (answer,) = await list_dead(viewer.console.services, viewer.here, [service], query)
    if answer.state == "unavailable":
        raise NoAnswer(answer)
    found = answer.body[0] if answer.ok and answer.body else None
    if found is None or found["dead_id"] != dead_id or found["shop"] != viewer.here:
        raise NotHere
    return dict(found)


async def _drawn(viewer: Viewer, service: str, row: dict[str, Any], text: str = "", error: str = "") -> Response:
    body: Answer | None = None
    if viewer.may("show_dead") and await viewer.may_look(_object(service, row["dead_id"])):
        (body,) = await viewer.console.services.ask(Ask(service, path_of(viewer.here, row)))
    return viewer.draw(
        "operations/one_dead.html", 422 if error else 200, service=service, row=row, body=body, text=text, error=error
    )


def _object(service: str, dead_id: int) -> str:
    return f"dead-letters/{service}/{dead_id}"


@router.post("/s/{shop}/dead-letters/{service}/{dead_id}/show")
async def show_dead(viewer: Guarded, service: str, dead_id: int, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Show the body to this session for five minutes; the look is recorded first."""
    await _row(viewer, service, dead_id)
    await viewer.look(_object(service, dead_id), "show_dead", form)
    return see(viewer.url(f"/dead-letters/{service}/{dead_id}"))


@router.post("/s/{shop}/dead-letters/{service}/{dead_id}/resend")
async def resend_dead(
    viewer: Guarded,
    service: str,
    dead_id: int,
    form: Annotated[str, Form(max_length=50)],
    text: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Have the service take it again, mended or as it was; sent twice it counts once."""
    row = await _row(viewer, service, dead_id)
    mended = text.strip()
    if mended and (wrong := _wrong(viewer, row, mended)):
        return await _drawn(viewer, service, row, text, wrong)
    if not await viewer.record("resend_dead", _object(service, dead_id), "asked", form):
        return see(viewer.url(f"/dead-letters/{service}/{dead_id}"), "sent-already")
    answer = await viewer.console.services.tell(
        service, "POST", f"{path_of(viewer.here, row)}/resend", json={"body": mended or None}
    )
    await viewer.record("resend_dead", _object(service, dead_id), answer.slug or answer.state)
    if not answer.ok:
        said = answer.detail or viewer.say("{service} did not answer. Try again.", service=service)
        return await _drawn(viewer, service, row, text, said)
    again = "taken-before" if answer.body["outcome"] == "duplicate" else "taken"
    return see(viewer.url(f"/dead-letters/{service}/{dead_id}"), again)


def _wrong(viewer: Viewer, row: dict[str, Any], text: str) -> str:
    """Why the mended text cannot be sent: a shop's people send back events of their own shop alone."""
    try:
        event = json.loads(text)
    except ValueError as error:
        return viewer.say("This is not JSON: {reason}", reason=str(error))
    except RecursionError:
        return viewer.say("This is not JSON: {reason}", reason="…[[[[…")
    if not isinstance(event, dict):
        return viewer.say("An event is a JSON object.")
    named = event.get("shop")
    if named != viewer.here and not (named is None and is_own(viewer.here, row["topic"])):
        return viewer.say("The event must name this shop: {shop}", shop=viewer.here)
    return ""
