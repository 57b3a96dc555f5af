"""Key figures of a period, each with how it is counted one click away; all from segmentation's definitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.texts import N_
from console.web.guard import Guarded
from console.web.paths import part

router = APIRouter()
DAYS = (30, 90, 365)
KINDS = {
    "repurchase": N_(
        "Customers who had bought before the period or twice in it, of all who bought in it; and members who "
        "bought twice, of all members."
    ),
    "first-to-second": N_(
        "First-time buyers who buy again within 90 days. Of everybody: too low, since the newest had no time "
        "yet. Of those who had the time: late. Estimated (Kaplan-Meier): neither."
    ),
    "spending": N_(
        "Paid less refunded of completed orders; growth against the period of the same length before; the "
        "contribution is buyers times repurchase rate times order value."
    ),
    "retention": N_("Who bought in the period, of those who bought in the one before it; the others are lost to it."),
    "shares": N_("Buyers of the period by how many orders they completed in it, and what each group spent."),
    "ladder": N_(
        "Customers with one order more, of those with at least so many, of all time; beside what is usual in "
        "the industry."
    ),
    "tiers": N_(
        "Paid less refunded in the period, by the tier that customers are in today; by customer of the tier, "
        "whether they bought or not."
    ),
    "new-and-returning": N_(
        "Orders of a customer's first day of buying are new, all later ones returning; reviews go by the customer."
    ),
    "service": N_(
        "Tickets opened in the period; medians; in time is an answer within one hour. Who was not answered is"
        " in no median, and not in time."
    ),
    "top-buyers": N_("Of the 25 who spent most in the period, those who had bought before it."),
    "rhythm": N_("Completed orders of the period by the weekday on which they were placed, in the shop's zone."),
    "profiles": N_("Customers whose profile says it, of those whose profile says anything of it; all time."),
}
"""The figures by their route, and how each is counted."""
TIMELESS = ("ladder", "profiles")


@router.get("/s/{shop}/kpis")
async def kpis(viewer: Guarded, days: Annotated[int, Query(ge=0, le=1_095)] = 90) -> Response:
    """All at once; what is late follows by itself. No such period: 90 days."""
    period = days if days in DAYS else 90
    asked = [
        viewer.of_shop("segmentation", f"/kpis/{name}", **({} if name in TIMELESS else {"days": str(period)}))
        for name in KINDS
    ]
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
