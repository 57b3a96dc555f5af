"""Regulars: who comes back and who slips away; each number leads to the customers behind it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.client import Ask
from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/regulars")
async def regulars(viewer: Guarded, since: Annotated[date | None, Query()] = None) -> Response:
    """The RFM map, the life cycle and the purchase ladder; `since`: a date from which on the ladder counts orders."""
    report: Ask = viewer.of_shop("segmentation", "/report", **({"since": since.isoformat()} if since else {}))
    cells, shop = await viewer.ask(viewer.of_shop("segmentation", "/report/rfm"), report)
    most = max((cell["customers"] for cell in cells.body["cells"]), default=0) if cells.ok else 0
    return viewer.draw("regulars/regulars.html", cells=cells, report=shop, most=most, since=since)
