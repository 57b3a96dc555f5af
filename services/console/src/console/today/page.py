"""Today: how the shop does, and whether anything is stuck; each tile from one service's report."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/today")
async def today(viewer: Guarded) -> Response:
    """Five reports, asked at once."""
    services = viewer.console.services
    answers = await services.ask(*(viewer.of_shop(name, "/report") for name in services.names))
    reports = dict(zip(services.names, answers, strict=True))
    return viewer.draw(
        "today/today.html", reports=reports, silent=[each.service for each in answers if each.state == "unavailable"]
    )
