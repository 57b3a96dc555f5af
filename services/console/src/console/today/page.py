"""Today: how the shop does, and whether anything is stuck; each tile from one service's report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.today.weeks import PERIODS, by_currency
from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/today")
async def today(viewer: Guarded, weeks: Annotated[int, Query(ge=0, le=1000)] = 12) -> Response:
    """Five reports and the last weeks, asked at once; what is late follows by itself. No such period: 12 weeks."""
    period = weeks if weeks in PERIODS else 12
    names = viewer.console.services.names
    *answers, curves = await viewer.ask(
        *(viewer.of_shop(name, "/report") for name in names),
        viewer.of_shop("segmentation", "/report/weeks", weeks=str(period)),
    )
    reports = dict(zip(names, answers, strict=True))
    return viewer.draw(
        "today/today.html",
        reports=reports,
        weeks=curves,
        curves=by_currency(curves.body, viewer.zone) if curves.ok else {},
        period=period,
        periods=PERIODS,
        all=[*answers, curves],
        silent=[each.service for each in answers if each.state == "unavailable"],
    )
