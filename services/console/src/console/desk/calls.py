"""Calls to customers: what is due, one call with its script, and what came of it (MSG-021, MSG-022)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.forms.fields import Field, read
from console.forms.sheets import Command, order, sent
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
OUTCOMES = ("reached", "no_answer", "call_again", "refused", "wrong_number")
MessageId = Annotated[str, Path(max_length=200)]
OUTCOME = (
    Field(
        "outcome",
        N_("What came of it"),
        "choice",
        N_("Who wants no calls any more is opted out of calls at once."),
        OUTCOMES,
        "call_",
    ),
    Field("note", N_("Note"), "long", N_("It is kept encrypted."), optional=True),
    Field(
        "again_at",
        N_("Call again at"),
        "instant",
        N_("Where nobody answered, or another time was asked for; empty: four hours later."),
        optional=True,
    ),
)


@router.get("/s/{shop}/calls")
async def calls(viewer: Guarded, after: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Whom to call, the longest due first."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("messaging", "/call-tasks", **asked))
    return viewer.draw("desk/calls.html", page=page, after=after, part=part)


@router.post("/s/{shop}/calls/{message}/claim")
async def claim_call(viewer: Guarded, message: MessageId) -> Response:
    """Mine for half an hour; number and script are shown to this session, and the look is recorded."""

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, message, error, status)

    here = part(message)
    form = (await sent(viewer)).get("form", "")[:50]
    command = Command("claim_call", f"call-tasks/{here}", "messaging", "POST", f"/call-tasks/{here}/claim")
    answer = await order(viewer, form, command, again, f"/calls/{here}", json={"by": viewer.who.name})
    if answer.status_code == 303:
        await viewer.look(f"call-tasks/{here}", "show_call", f"{form}-look")
    return answer


@router.get("/s/{shop}/calls/{message}")
async def one_call(viewer: Guarded, message: MessageId) -> Response:
    """Script, number and habits for five minutes after it was taken; the form of what came of it."""
    return await _page(viewer, message)


async def _page(
    viewer: Viewer, message: str, error: str = "", status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    here = part(message)
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/call-tasks/{here}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok and not error:
        raise NotHere
    if found.ok:
        await viewer.open_customer(found.body["customer"])
    return viewer.draw(
        "desk/call.html",
        status,
        c=found.body if found.ok else None,
        here=here,
        part=part,
        shown=await viewer.may_look(f"call-tasks/{here}"),
        fields=OUTCOME,
        written=await sent(viewer) if error or wrong else {},
        wrong=wrong or {},
        error=error,
    )


@router.post("/s/{shop}/calls/{message}/outcome")
async def tell_call(viewer: Guarded, message: MessageId) -> Response:
    """Once; the service says whether it is called again."""
    written = await sent(viewer)
    body, wrong = read(OUTCOME, written, viewer.zone)
    if wrong:
        return await _page(viewer, message, "", 422, wrong)

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, message, error, status)

    here = part(message)
    command = Command("tell_call", f"call-tasks/{here}", "messaging", "POST", f"/call-tasks/{here}/outcome")
    given = body | {"by": viewer.who.name}
    return await order(viewer, written.get("form", "")[:50], command, again, "/calls", json=given)
