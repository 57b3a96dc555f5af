"""The shop's messages as two lists: what is decided next, and what was decided; the list's state is its address."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.texts.words import FLOWS, REASONS
from console.web.guard import Guarded

router = APIRouter()
ROWS = 50
LISTS = {
    "coming": ("waiting", "held"),
    "decided": ("queued", "leased", "sent", "failed", "unknown", "suppressed"),
}
"""The states of each list; a state is in one of them alone."""
Chosen = Annotated[str, Query(max_length=60)]


@router.get("/s/{shop}/messages")
async def message_list(
    viewer: Guarded,
    which: Chosen = "coming",
    state: Chosen = "",
    flow: Chosen = "",
    reason: Chosen = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """One of the lists and the counts by state; a value that there is not is dropped, and said so."""
    shown = which if which in LISTS else "coming"
    values = {"state": LISTS[shown], "flow": tuple(FLOWS), "reason": tuple(REASONS)}
    given = {"state": state, "flow": flow, "reason": reason}
    chosen = {name: value for name, value in given.items() if value in values[name]}
    dropped = [value for name, value in given.items() if value and name not in chosen]
    asked = {"which": shown, "limit": str(ROWS)} | chosen | ({"after": after} if after else {})

    def link(*, without: str = "", after: str = "") -> str:
        """The list's address with these filters but one, behind `after`."""
        query = {"which": shown} | {name: value for name, value in chosen.items() if name != without}
        return viewer.url("/messages") + "?" + urlencode(query | ({"after": after} if after else {}))

    page, report = await viewer.ask(
        viewer.of_shop("messaging", "/messages", **asked), viewer.of_shop("messaging", "/report")
    )
    return viewer.draw(
        "messages/list.html",
        which=shown,
        lists=LISTS,
        values=values,
        chosen=chosen,
        dropped=dropped,
        after=after,
        page=page,
        report=report,
        link=link,
        part=part,
    )
