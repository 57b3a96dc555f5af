"""Who is behind a number of the life cycle flow: customers by where they were at the start and the end of a month."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response

from console.web.guard import Guarded
from console.web.paths import part

router = APIRouter()
ROWS = 50
Where = Literal["none", "active", "sleeping", "pre_churn", "churned", "dead"]


@router.get("/s/{shop}/regulars/life-cycle/{month}")
async def went(
    viewer: Guarded,
    month: Annotated[str, Path(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$")],
    old: Annotated[Where, Query()] = "active",
    new: Annotated[Where, Query()] = "sleeping",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The customers who went that way in the month, in order of id."""
    filters = {"old": old, "new": new}
    asked = filters | {"limit": str(ROWS)} | ({"after": after} if after else {})
    here = viewer.url(f"/regulars/life-cycle/{month}")

    def link(after: str) -> str:
        return f"{here}?{urlencode(filters | ({'after': after} if after else {}))}"

    (page,) = await viewer.console.services.ask(
        viewer.of_shop("segmentation", f"/report/life-cycle-flow/{month}/customers", **asked)
    )
    return viewer.draw(
        "regulars/went.html",
        month=month,
        old=None if old == "none" else old,
        new=None if new == "none" else new,
        after=after,
        page=page,
        link=link,
        part=part,
    )
