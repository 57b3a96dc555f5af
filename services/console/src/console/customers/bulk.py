"""A tag for all customers who fit the filters of the list, behind a page that says how many they are."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Form, Query, Response

from console.client import Answer
from console.customers.views import filters_of
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer
from console.web.numbers import whole
from console.web.page import Viewer, see
from console.web.tags import tag_of

router = APIRouter()
MOST, PAGE, SAMPLES = 10_000, 500, 5
"""So many customers at most get a tag at once, as many as the service takes; of more a segment is the way."""
MOVED = 100
"""Where the number has moved by more than one in so many since it was shown, it is shown again."""
Query_ = Annotated[str, Query(max_length=2_000)]


class Matching(NamedTuple):
    """Who fits, in order of id; `more`: there are more than may be tagged at once."""

    customers: list[str]
    more: bool


async def _matching(viewer: Viewer, chosen: dict[str, str]) -> Matching:
    """Raises NoAnswer."""
    found, after = list[str](), ""
    while True:
        asked = chosen | {"limit": str(PAGE)} | ({"after": after} if after else {})
        page: Answer
        (page,) = await viewer.console.services.ask(viewer.of_shop("segmentation", "/customers", **asked))
        if not page.ok:
            raise NoAnswer(page)
        found += [each["customer"] for each in page.body["customers"]]
        after = page.body["next_after"] or ""
        if not after or len(found) > MOST:
            return Matching(found[:MOST], len(found) > MOST)


@router.get("/s/{shop}/bulk-tag")
async def check_bulk_tag(viewer: Guarded, query: Query_ = "") -> Response:
    """How many fit, some of them, and what a tag does, before it is given."""
    return await _page(viewer, filters_of(query))


@router.post("/s/{shop}/bulk-tag")
async def send_bulk_tag(
    viewer: Guarded,
    query: Annotated[str, Form(max_length=2_000)],
    form: Annotated[str, Form(max_length=50)],
    tag: Annotated[str, Form(max_length=500)] = "",
    expected: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Give the tag to all who fit now, if they are as many as was shown."""
    chosen, name = filters_of(query), tag_of(tag)
    if name is None:
        said = viewer.say(N_('A tag has at most 100 characters, and none of " / # |.'))
        return await _page(viewer, chosen, said, 422, tag)
    found, shown = await _matching(viewer, chosen), whole(expected) or 0
    if found.more or not found.customers or MOVED * abs(len(found.customers) - shown) > shown:
        said = viewer.say(N_("The number has moved since it was shown: look at it again."))
        return await _page(viewer, chosen, said, 409, tag)
    body = {"customers": found.customers, "source": "staff"}
    path, thing = f"/tags/{name.path}/customers", f"tags/{name.path}/{len(found.customers)}"
    answer = await carry_out(viewer, "tag_in_bulk", thing, form, "segmentation", "POST", path, json=body)
    if answer is not None and not answer.ok:
        return await _page(viewer, chosen, why_not(viewer, answer), status_of(answer), tag)
    return see(viewer.url(f"/tags/{name.path}"), "sent-already" if answer is None else "tagged")


async def _page(viewer: Viewer, chosen: dict[str, str], error: str = "", status: int = 200, tag: str = "") -> Response:
    found = await _matching(viewer, chosen)
    return viewer.draw(
        "customers/bulk_tag.html",
        status,
        chosen=chosen,
        found=found,
        samples=found.customers[:SAMPLES],
        most=MOST,
        error=error,
        tag=tag,
    )
