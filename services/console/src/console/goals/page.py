"""Goals: each with its target, how far it is, and the forecast's interval; set, changed, ended (ANA-001 to 004)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.forms.sheets import OTHER_CURRENCY, Command, Sheet, currency_of, empty, filled, order, sent
from console.goals.forms import GOAL, body_of
from console.texts import N_
from console.web.formats import major
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer

router = APIRouter()
MOST = 30
SHEET = Sheet(
    N_("Set a goal"),
    N_("Save it"),
    GOAL,
    ("/goals", N_("Goals")),
    N_("Without a baseline the figure of the period as long before it is the one to rise from."),
)


@router.get("/s/{shop}/goals")
async def goals(viewer: Guarded) -> Response:
    """The goals that have not ended, each as it stands."""
    return await _list(viewer)


async def _list(viewer: Viewer, error: str = "", status: int = 200) -> Response:
    (listed,) = await viewer.ask(viewer.of_shop("segmentation", "/goals"))
    names = [g["goal"] for g in listed.body["goals"]][:MOST] if listed.ok else []
    standing = await viewer.ask(*(viewer.of_shop("segmentation", f"/goals/{part(name)}") for name in names))
    return viewer.draw(
        "goals/goals.html", status, listed=listed, standing=standing, all=[listed, *standing], error=error, part=part
    )


@router.get("/s/{shop}/goal-form")
async def goal_form(viewer: Guarded, of: Annotated[str, Query(max_length=63)] = "") -> Response:
    """An empty form, or one that holds a goal."""
    if not of:
        return await empty(viewer, SHEET, "/goals")
    (found,) = await viewer.console.services.ask(viewer.of_shop("segmentation", f"/goals/{part(of)}"))
    if found.state == "unknown":
        raise NotHere
    if not found.ok:
        raise NoAnswer(found)
    known = found.body
    given = {name: str(known[name]) for name in ("goal", "name", "kpi", "since", "until")}
    given["target"], sheet = str(known["target"]).removesuffix(".00"), SHEET
    if known["kpi"] == "net":
        given["target"] = major(int(Decimal(given["target"])), known["currency"])
        if await currency_of(viewer) != known["currency"]:
            given["target"], sheet = "", SHEET._replace(lead=OTHER_CURRENCY)
    return await empty(viewer, sheet, "/goals", given | {"version": str(known["version"])})


@router.post("/s/{shop}/goals")
async def save_goal(viewer: Guarded) -> Response:
    """Set a goal, or a new version of one; never over somebody else's."""
    form = await filled(viewer, SHEET, "/goals")
    if form.wrong:
        return form.refused()
    currency = await currency_of(viewer) if form.body["kpi"] == "net" else ""
    body, form.wrong = body_of(form.body, currency)
    if form.wrong:
        return form.refused()
    body["replaces"] = form.version
    path = f"/goals/{part(form.body['goal'])}"
    return await form.send(Command("save_goal", path.strip("/"), "segmentation", "PUT", path), "/goals", json=body)


@router.post("/s/{shop}/goals/{goal}/end")
async def end_goal(viewer: Guarded, goal: Annotated[str, Path(max_length=63)]) -> Response:
    """Nobody looks at it any more; its versions stay."""
    written = await sent(viewer)

    async def again(error: str, status: int) -> Response:
        return await _list(viewer, error, status)

    command = Command("end_goal", f"goals/{goal}", "segmentation", "DELETE", f"/goals/{part(goal)}")
    return await order(viewer, written.get("form", "")[:50], command, again, "/goals")
