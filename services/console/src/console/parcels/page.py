"""The parcel plan: its inserts from the top of the parcel down, what each brought, and changes as new versions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from console.forms.sheets import Command, order, sent
from console.parcels import conditions, forms
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer

router = APIRouter()
DAYS = (30, 60, 180)
Name = Annotated[str, Path(max_length=40)]


@router.get("/s/{shop}/parcels")
async def parcels(viewer: Guarded, days: Annotated[int, Query(ge=0, le=1_000)] = 60) -> Response:
    """The plan in force; effects within so many days after a parcel."""
    return await _page(viewer, days if days in DAYS else 60)


async def _page(viewer: Viewer, days: int = 60, error: str = "", status: int = 200) -> Response:
    plan, effects = await viewer.ask(
        viewer.of_shop("messaging", "/parcel-plan"),
        viewer.of_shop("messaging", "/parcel-plan/effects", days=str(days)),
    )
    brought = {each["insert"]: each for each in effects.body["inserts"]} if effects.ok else {}
    values = {"plan": plan, "effects": effects, "brought": brought, "days": days, "all_days": DAYS, "error": error}
    return viewer.draw("parcels/parcels.html", status, **values)


async def _plan(viewer: Viewer) -> dict[str, Any]:
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", "/parcel-plan"))
    if not found.ok:
        raise NoAnswer(found)
    return dict(found.body)


@router.get("/s/{shop}/insert-form")
async def insert_form(viewer: Guarded, of: Annotated[str, Query(max_length=40)] = "") -> Response:
    """An empty form, or one that holds an insert."""
    plan = await _plan(viewer)
    known = next((each for each in plan["document"]["inserts"] if each["insert"] == of), None)
    if of and known is None:
        raise NotHere
    given = (forms.written(known) if known is not None else {}) | {"replaces": str(plan["version"]), "of": of}
    return _form(viewer, given, {})


def _form(
    viewer: Viewer, written: dict[str, str], wrong: dict[str, str], error: str = "", status: int = 200
) -> Response:
    return viewer.draw(
        "parcels/form.html",
        status,
        fields=forms.INSERT,
        rows=conditions.rows(written),
        facts=conditions.FACTS,
        hows=conditions.HOWS,
        written=written,
        wrong=wrong,
        error=error,
    )


@router.post("/s/{shop}/parcels")
async def save_insert(viewer: Guarded) -> Response:
    """A new version of the plan, for parcels that are planned from now on; never over somebody else's."""
    written, plan = await sent(viewer), await _plan(viewer)
    of = written.get("of", "")
    known = {each["insert"]: each for each in plan["document"]["inserts"]}
    insert, wrong = forms.insert_of(written, known.get(of, {}), viewer.zone)
    if not wrong and not of and insert["insert"] in known:
        wrong["insert"] = N_("There is such an insert already: give this one another id.")
    if not wrong and of and insert["insert"] != of:
        wrong["insert"] = N_("An insert keeps its id: what it brought is counted by it.")
    if wrong:
        return _form(viewer, written, wrong, "", 422)

    async def again(error: str, status: int) -> Response:
        return _form(viewer, written, {}, error, status)

    command = Command("save_insert", f"parcel-plan/{insert['insert']}", "messaging", "PUT", "/parcel-plan")
    body = {
        "document": forms.with_insert(plan["document"], insert),
        "replaces": whole(written.get("replaces", "")) or 0,
    }
    return await order(viewer, written.get("form", "")[:50], command, again, "/parcels", json=body)


@router.post("/s/{shop}/parcels/{insert}/{action}")
async def change_insert(viewer: Guarded, insert: Name, action: Annotated[str, Path(max_length=20)]) -> Response:
    """One place up, or out of the plan."""
    written, plan = await sent(viewer), await _plan(viewer)
    document = forms.changed(plan["document"], insert, action)
    if document is None:
        raise NotHere

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, 60, error, status)

    command = Command(f"insert_{action}", f"parcel-plan/{insert}", "messaging", "PUT", "/parcel-plan")
    body = {"document": document, "replaces": whole(written.get("replaces", "")) or 0}
    return await order(viewer, written.get("form", "")[:50], command, again, "/parcels", json=body)
