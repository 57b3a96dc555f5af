"""Key figures of a period, each with how it is counted one click away; all from segmentation's definitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.records.company import get_company, industry_of
from console.texts.key_figures import KINDS
from console.web.guard import Guarded
from console.web.paths import part

router = APIRouter()
DAYS = (30, 90, 365)
TIMELESS = ("ladder", "profiles")


@router.get("/s/{shop}/kpis")
async def kpis(viewer: Guarded, days: Annotated[int, Query(ge=0, le=1_095)] = 90) -> Response:
    """All at once; what is late follows by itself. No such period: 90 days."""
    period = days if days in DAYS else 90
    async with viewer.console.database.transaction() as tx:
        industry = industry_of(await get_company(tx, viewer.here))
    more: dict[str, dict[str, str]] = {name: {} for name in TIMELESS} | {"ladder": industry}
    asked = [viewer.of_shop("segmentation", f"/kpis/{name}", **more.get(name, {"days": str(period)})) for name in KINDS]
    unusual = viewer.of_shop("segmentation", "/kpis/anomalies")
    *figures, anomalies = await viewer.ask(*asked, unusual)
    answers = dict(zip(KINDS, figures, strict=True))
    return viewer.draw(
        "kpis/kpis.html",
        answers=answers,
        kinds=KINDS,
        anomalies=anomalies,
        all=[*answers.values(), anomalies],
        period=period,
        periods=DAYS,
        part=part,
    )
