"""What goes out next, what is held and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.web.guard import Guarded
from console.web.paths import part

router = APIRouter()
ROWS = 50


@router.get("/s/{shop}/messages")
async def upcoming(viewer: Guarded, after: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Soonest first, with the counts of all messages by what became of them."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    page, report = await viewer.ask(
        viewer.of_shop("messaging", "/messages", **asked), viewer.of_shop("messaging", "/report")
    )
    return viewer.draw("messages/messages.html", page=page, report=report, after=after, part=part)
