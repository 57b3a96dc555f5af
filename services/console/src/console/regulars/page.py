"""Regulars: who comes back and who slips away; each number leads to the customers behind it."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from common.events.fields import PlannedDay
from common.time.calendar import MONTH
from console.client import Answer, Ask
from console.web.guard import Guarded

router = APIRouter()
CYCLES = ("active", "sleeping", "pre_churn", "churned", "dead", None)
"""The life cycle in its order; None before the first order."""
COHORTS = (12, 24, 36)
"""Months of which cohorts are shown."""
CELLS = ("111", "101", "011", "001", "110", "100", "010", "000", None)
"""The RFM map: who spends much first; None where nothing was bought in the window."""


@router.get("/s/{shop}/regulars")
async def regulars(
    viewer: Guarded,
    since: Annotated[PlannedDay | None, Query()] = None,
    month: Annotated[str, Query(max_length=7, pattern=f"^$|{MONTH}")] = "",
    cohorts: Annotated[int, Query(ge=0, le=36)] = 0,
) -> Response:
    """RFM map, life cycle and where both went, purchase ladder, cohorts.

    `since`: a date from which on the ladder counts orders; `month`: of both flows, the newest without one; `cohorts`:
    of so many months, else of the last year, or of three where nobody came in it.
    """
    months = cohorts if cohorts in COHORTS else COHORTS[0]
    report: Ask = viewer.of_shop("segmentation", "/report", **({"since": since.isoformat()} if since else {}))
    cells, shop, comers, flow, moved = await viewer.ask(
        viewer.of_shop("segmentation", "/report/rfm"),
        report,
        viewer.of_shop("segmentation", "/report/cohorts", months=str(months)),
        viewer.of_shop("segmentation", "/report/life-cycle-flow"),
        viewer.of_shop("segmentation", "/report/rfm-flow"),
    )
    most = max((cell["customers"] for cell in cells.body["cells"]), default=0) if cells.ok else 0
    if comers.ok and not comers.body["cohorts"] and not cohorts:
        months = COHORTS[-1]
        (comers,) = await viewer.ask(viewer.of_shop("segmentation", "/report/cohorts", months=str(months)))
    back = _most_back(comers.body["cohorts"]) if comers.ok else 0
    return viewer.draw(
        "regulars/regulars.html",
        cells=cells,
        report=shop,
        most=most,
        since=since,
        cohorts=comers,
        cohort_months=months,
        cohort_choices=COHORTS,
        most_back=back,
        flow=flow,
        month=_shown(flow, month),
        cycles=CYCLES,
        moved=moved,
        moved_month=_shown(moved, month),
        rfm_cells=CELLS,
    )


def _shown(flow: Answer, month: str) -> dict[str, Any] | None:
    """That month, else the newest; None where there is none."""
    months: list[dict[str, Any]] = flow.body["months"] if flow.ok else []
    return next((each for each in months if each["month"] == month), months[-1] if months else None)


def _most_back(cohorts: list[dict[str, Any]]) -> int:
    """The highest percentage of any cohort that came back in one month, rounded up: the darkest cell."""
    return max((ceil(100 * n / each["customers"]) for each in cohorts for n in each["back"]), default=0)
