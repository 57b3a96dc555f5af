"""How long the shop keeps customers of whom it hears nothing: tried on its customers, then set (SEC-006)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.access.forms import new_form
from console.forms.fields import Field
from console.forms.sheets import Command, Filled, Sheet, filled
from console.texts import N_
from console.web.guard import Guarded, NoAnswer
from console.web.numbers import whole

router = APIRouter()
MOST = 240
USUAL = 24
"""Months that are tried first where nothing was set."""
RETENTION = Sheet(
    N_("Change how long customers are kept"),
    N_("Keep customers no longer than this"),
    (
        Field(
            "months",
            N_("Months without a sign"),
            "whole",
            N_("From 1 to 240. Empty: everybody is kept for ever."),
            least=1,
            most=MOST,
            optional=True,
        ),
    ),
    ("/retention", N_("How long customers are kept")),
    N_("Who is erased is erased for ever, in every service. A period that erases more begins a week later."),
    danger=True,
)


@router.get("/s/{shop}/retention")
async def retention(viewer: Guarded, months: Annotated[str, Query(max_length=20)] = "") -> Response:
    """What is set, what the last walk came to, and how many another period would erase today."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/retention"))
    asked = whole(months) or 0
    tried = (asked if asked <= MOST else 0) or (found.body["months"] if found.ok else None) or USUAL
    (preview,) = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", "/retention/preview", months=str(tried))
    )
    return viewer.draw("operations/retention.html", found=found, preview=preview, tried=tried)


@router.get("/s/{shop}/retention-form")
async def retention_form(viewer: Guarded) -> Response:
    """A form that holds what is set."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/retention"))
    # An empty form means that everybody is kept for ever: nobody sends one that was not read.
    if not found.ok:
        raise NoAnswer(found)
    given = {"months": str(found.body["months"] or ""), "version": str(found.body["version"])}
    return Filled(viewer, RETENTION, "/retention", {"command": new_form()} | given).draw()


@router.post("/s/{shop}/retention")
async def save_retention(viewer: Guarded) -> Response:
    """Set it, never over somebody else's period; an empty field keeps everybody."""
    form = await filled(viewer, RETENTION, "/retention")
    if form.wrong:
        return form.refused()
    command = Command("save_retention", "retention", "orders-ingest", "PUT", "/retention")
    wanted = {"months": form.body.get("months"), "by": viewer.who.name, "replaces": form.version}
    return await form.send(command, "/retention", json=wanted)
