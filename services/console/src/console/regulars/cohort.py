"""Who is behind a number of the cohorts: customers by the month of their first order."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response

from common.time.calendar import MONTH
from common.values.paths import part
from console.web.guard import Guarded

router = APIRouter()
ROWS = 50


def month_after(month: str, months: int) -> str:
    """The month so many months after `2026-03`, written like it."""
    first = date.fromisoformat(f"{month}-01")
    year, place = divmod(12 * first.year + first.month - 1 + months, 12)
    return f"{year:04d}-{place + 1:02d}"


@router.get("/s/{shop}/regulars/cohorts/{month}")
async def cohort(
    viewer: Guarded,
    month: Annotated[str, Path(pattern=MONTH)],
    back: Annotated[int | None, Query(ge=1, le=600)] = None,
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The customers of the cohort; with `back` those who bought in that month after it, too."""
    filters = {"back": str(back)} if back else {}
    asked = filters | {"limit": str(ROWS)} | ({"after": after} if after else {})
    here = viewer.url(f"/regulars/cohorts/{month}")

    def link(after: str) -> str:
        query = filters | ({"after": after} if after else {})
        return here + (f"?{urlencode(query)}" if query else "")

    (page,) = await viewer.console.services.ask(
        viewer.of_shop("segmentation", f"/report/cohorts/{month}/customers", **asked)
    )
    later = month_after(month, back) if back else ""
    return viewer.draw(
        "regulars/cohort.html",
        month=month,
        back=back,
        later=later,
        after=after,
        page=page,
        here=here,
        link=link,
        part=part,
    )
