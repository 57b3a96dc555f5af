"""Key figures of a period, each with how it is counted one click away, as segmentation and membership define them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.records.company import get_company, industry_of
from console.texts import N_
from console.texts.key_figures import CUSTOMER_COSTS, KINDS
from console.web.guard import Guarded

router = APIRouter()
DAYS = (30, 90, 365)
TIMELESS = ("ladder", "profiles")
GROUPS = {
    "tier": N_("By tier"),
    "segment": N_("By segment"),
    "source": N_("By source of the profile"),
    "platform": N_("By platform of the order"),
    "way": N_("By way to the shop"),
}
NONE = {
    "tier": N_("no members"),
    "segment": N_("in no segment"),
    "source": N_("source not known"),
    "platform": N_("platform not known"),
    "way": N_("way not known"),
}
"""What those are called who are in no group."""
COUNTED = {
    "tier": N_("Customers stand in the tier that they are in today."),
    "segment": N_(
        "Customers stand in each segment that they are in today, so the groups add up to more than the shop."
    ),
    "source": N_("Customers stand under the source that their profile names."),
    "platform": N_(
        "Orders stand under the platform on which they were bought, as the shop names it; a buyer counts under each. "
        "Retention: of those who bought there in the period before, who bought at all."
    ),
    "way": N_(
        "Orders stand under the way by which the customer came to the shop; a buyer counts under each. Retention: of "
        "those who came so in the period before, who bought at all."
    ),
}


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
        groups=GROUPS,
    )


@router.get("/s/{shop}/kpis/groups")
async def kpi_groups(
    viewer: Guarded, by: Annotated[str, Query(max_length=20)] = "", days: Annotated[int, Query(ge=0, le=1_095)] = 90
) -> Response:
    """Figures of each group of a kind beside the whole shop's. No such group: tiers; period: 90 days."""
    kind, period = by if by in GROUPS else "tier", days if days in DAYS else 90
    (found,) = await viewer.ask(viewer.of_shop("segmentation", "/kpis/groups", by=kind, days=str(period)))
    return viewer.draw(
        "kpis/groups.html",
        found=found,
        by=kind,
        groups=GROUPS,
        nobody=NONE[kind],
        counted=COUNTED[kind],
        period=period,
        periods=DAYS,
        part=part,
    )
