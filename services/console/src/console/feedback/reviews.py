"""Reviews of the shop: stars, DSR scores, photos; what was written is shown a page at a time, each a recorded look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.web.guard import Guarded
from console.web.page import see

router = APIRouter()
ROWS = 50
After = Annotated[str, Query(max_length=1_000)]


def _thing(after: str) -> str:
    return f"reviews/{part(after) or 'first'}"


@router.get("/s/{shop}/reviews")
async def reviews(viewer: Guarded, after: After = "") -> Response:
    """All reviews, by id."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("feedback", "/reviews", **asked))
    shown = viewer.may("show_reviews") and await viewer.may_look(_thing(after))
    return viewer.draw("feedback/reviews.html", page=page, after=after, shown=shown, part=part)


@router.post("/s/{shop}/reviews/show")
async def show_reviews(
    viewer: Guarded, form: Annotated[str, Form(max_length=50)], after: Annotated[str, Form(max_length=1_000)] = ""
) -> Response:
    """What was written on one page of them, for five minutes; the look is recorded first."""
    await viewer.look(_thing(after), "show_reviews", form)
    return see(viewer.url("/reviews") + (f"?after={part(after)}" if after else ""))
