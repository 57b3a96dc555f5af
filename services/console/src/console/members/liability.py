"""Points owed by the month in which they expire, and how many of them will never be used (MEM-053)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/points-owed")
async def points_owed(viewer: Guarded) -> Response:
    """As membership counted them last."""
    (found,) = await viewer.ask(viewer.of_shop("membership", "/report/liability"))
    return viewer.draw("members/liability.html", found=found)
