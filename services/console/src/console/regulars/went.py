"""Who is behind a number of the flows: customers by where they were at the start and the end of a month."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response

from common.time.calendar import MONTH
from common.values.paths import part
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
Month = Annotated[str, Path(pattern=MONTH)]
After = Annotated[str, Query(max_length=500)]
LifeCycle = Literal["none", "active", "sleeping", "pre_churn", "churned", "dead"]
Cell = Literal["none", "111", "110", "101", "100", "011", "010", "001", "000"]


@router.get("/s/{shop}/regulars/life-cycle/{month}")
async def went(
    viewer: Guarded, month: Month, old: LifeCycle = "active", new: LifeCycle = "sleeping", after: After = ""
) -> Response:
    """The customers whose life cycle went that way in the month, in order of id."""
    return await _draw(viewer, "life-cycle", month, (old, new), after)


@router.get("/s/{shop}/regulars/rfm/{month}")
async def went_rfm(viewer: Guarded, month: Month, old: Cell = "111", new: Cell = "011", after: After = "") -> Response:
    """The customers who went from one cell of the RFM map to the other in the month, in order of id."""
    return await _draw(viewer, "rfm", month, (old, new), after)


async def _draw(
    viewer: Viewer, kind: Literal["life-cycle", "rfm"], month: str, way: tuple[str, str], after: str
) -> Response:
    filters = {"old": way[0], "new": way[1]}
    asked = filters | {"limit": str(ROWS)} | ({"after": after} if after else {})
    here = viewer.url(f"/regulars/{kind}/{month}")

    def link(after: str) -> str:
        return f"{here}?{urlencode(filters | ({'after': after} if after else {}))}"

    (page,) = await viewer.console.services.ask(
        viewer.of_shop("segmentation", f"/report/{kind}-flow/{month}/customers", **asked)
    )
    old, new = (None if each == "none" else each for each in way)
    return viewer.draw(
        "regulars/went.html",
        kind=kind,
        month=month,
        old=old,
        new=new,
        after=after,
        page=page,
        link=link,
        part=part,
    )
