"""Key figures of a period, each with how it is counted one click away, as segmentation and membership define them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.records.company import get_company, industry_of
from console.texts.key_figures import CUSTOMER_COSTS, KINDS
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
    costs = viewer.of_shop("membership", "/report/customer-costs", days=str(period))
    *figures, customer_costs, anomalies = await viewer.ask(*asked, costs, unusual)
    answers = dict(zip(KINDS, figures, strict=True)) | {"customer-costs": customer_costs}
    return viewer.draw(
        "kpis/kpis.html",
        answers=answers,
        kinds=KINDS | {"customer-costs": CUSTOMER_COSTS},
        anomalies=anomalies,
        all=[*answers.values(), anomalies],
        period=period,
        periods=DAYS,
        part=part,
    )
