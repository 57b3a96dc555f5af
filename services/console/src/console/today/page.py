"""Today: how the shop does, and whether anything is stuck; each tile from one service's report."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/today")
async def today(viewer: Guarded) -> Response:
    """Five reports and the last weeks, asked at once; what is late follows by itself."""
    names = viewer.console.services.names
    *answers, weeks = await viewer.ask(
        *(viewer.of_shop(name, "/report") for name in names), viewer.of_shop("segmentation", "/report/weeks")
    )
    reports = dict(zip(names, answers, strict=True))
    return viewer.draw(
        "today/today.html",
        reports=reports,
        weeks=weeks,
        all=[*answers, weeks],
        silent=[each.service for each in answers if each.state == "unavailable"],
    )
