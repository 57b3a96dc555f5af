"""What customers' texts speak of: key issues beside the period before, and the texts behind each."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.web.formats import instant
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer

router = APIRouter()
DEFAULT, DAYS = 30, (30, 90, 365)
"""30 days is what the service takes where nothing is asked for."""
ROWS = 100
Days = Annotated[int, Query(ge=0, le=1_000)]


@router.get("/s/{shop}/understanding")
async def key_issues(viewer: Guarded, days: Days = 30) -> Response:
    """What is most spoken ill of, how that moved, and how often expectations were surpassed or disappointed."""
    period, asked = await _period(viewer, days)
    issues, models = await viewer.ask(
        viewer.of_shop("feedback", "/key-issues", **asked), viewer.of_shop("feedback", "/sentiment-models")
    )
    return viewer.draw(
        "understanding/issues.html", issues=issues, models=models, period=period, periods=DAYS, part=part
    )


@router.get("/s/{shop}/understanding/{topic}")
async def issue_texts(viewer: Guarded, topic: Annotated[str, Path(max_length=40)], days: Days = 30) -> Response:
    """Where a topic is spoken ill of, the newest first; what was written is read at its customer, as a look."""
    period, asked = await _period(viewer, days)
    path = f"/key-issues/{part(topic)}/texts"
    (page,) = await viewer.console.services.ask(viewer.of_shop("feedback", path, **asked, limit=str(ROWS)))
    if page.state == "unavailable":
        raise NoAnswer(page)
    if not page.ok:
        raise NotHere
    return viewer.draw("understanding/texts.html", topic=topic, page=page, period=period, most=ROWS, part=part)


async def _period(viewer: Viewer, days: int) -> tuple[int, dict[str, str]]:
    """The days that are shown, and how they are asked for: by the service's clock, which a demo's stack has set."""
    if days == DEFAULT or days not in DAYS:
        return DEFAULT, {}
    (usual,) = await viewer.console.services.ask(viewer.of_shop("feedback", "/key-issues"))
    if not usual.ok or (until := instant(usual.body["until"])) is None:
        raise NoAnswer(usual)
    return days, {"since": (until - timedelta(days=days)).isoformat(), "until": until.isoformat()}
