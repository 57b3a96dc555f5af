"""Comparisons of the shop's list of orders with ours, and what each found (L5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.web.guard import Guarded, NoAnswer, NotHere

router = APIRouter()
ROWS = 50
After = Annotated[str, Query(max_length=500)]


@router.get("/s/{shop}/comparisons")
async def comparisons(viewer: Guarded, after: After = "") -> Response:
    """All, by id."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("orders-ingest", "/reconciliations", **asked))
    return viewer.draw("operations/comparisons.html", page=page, after=after, part=part)


@router.get("/s/{shop}/comparisons/{run}")
async def comparison(viewer: Guarded, run: Annotated[str, Path(max_length=200)], after: After = "") -> Response:
    """What was the same, what was missing and is applied now, what is left to be looked at."""
    path = f"/reconciliations/{part(run)}"
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    found, findings = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", path), viewer.of_shop("orders-ingest", f"{path}/findings", **asked)
    )
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return viewer.draw(
        "operations/comparison.html", r=found.body, findings=findings, here=part(run), after=after, part=part
    )
