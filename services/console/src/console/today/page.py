"""Today: how the shop does, and whether anything is stuck; each tile from one service's report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.texts.key_figures import KINDS
from console.today.weeks import PERIODS, by_currency
from console.web.guard import Guarded

router = APIRouter()
SECOND_DAYS = 365
"""First purchases of so many days are looked at for the repurchase rate's three forms."""


@router.get("/s/{shop}/today")
async def today(viewer: Guarded, weeks: Annotated[int, Query(ge=0, le=1000)] = 12) -> Response:
    """Five reports, key figures and the last weeks, asked at once; what is late follows by itself.

    What was not as usual in the last whole week stands first (ANA-045).

    No such period: 12 weeks.
    """
    period = weeks if weeks in PERIODS else 12
    names = viewer.console.services.names
    *answers, curves, sides, again, unusual = await viewer.ask(
        *(viewer.of_shop(name, "/report") for name in names),
        viewer.of_shop("segmentation", "/report/weeks", weeks=str(period)),
        viewer.of_shop("segmentation", "/kpis/new-and-returning", days=str(7 * period)),
        viewer.of_shop("segmentation", "/kpis/first-to-second", days=str(SECOND_DAYS)),
        viewer.of_shop("segmentation", "/kpis/anomalies"),
    )
    reports = dict(zip(names, answers, strict=True))
    return viewer.draw(
        "today/today.html",
        reports=reports,
        weeks=curves,
        curves=by_currency(curves.body, viewer.zone) if curves.ok else {},
        period=period,
        periods=PERIODS,
        sides=sides,
        again=again,
        unusual=unusual,
        kinds=KINDS,
        unread=viewer.console.freshness.unread,
        all=[*answers, curves, sides, again, unusual],
        silent=[each.service for each in answers if each.state == "unavailable"],
    )
