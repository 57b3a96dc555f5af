"""Saved views: filters of the list of customers under a name, one's own or the shop's."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form, Path, Response

from console.access import store_views
from console.customers.finding import FILTERS, listed
from console.texts import N_
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

router = APIRouter()
LONGEST_NAME = 60
NAMES = (*FILTERS, "tier")
"""Of an address these alone are kept."""


def filters_of(query: str) -> dict[str, str]:
    """The filters that an address holds, without what else stands in it."""
    return {name: value[:100] for name, value in parse_qsl(query[:2_000]) if name in NAMES and value.isprintable()}


@router.post("/s/{shop}/customer-views")
async def save_view(
    viewer: Guarded,
    query: Annotated[str, Form(max_length=2_000)],
    form: Annotated[str, Form(max_length=50)],
    name: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Keep these filters under a name of one's own."""
    return await _saved(viewer, viewer.who.person_id, query, name, form)


@router.post("/s/{shop}/shared-customer-views")
async def share_view(
    viewer: Guarded,
    query: Annotated[str, Form(max_length=2_000)],
    form: Annotated[str, Form(max_length=50)],
    name: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Keep these filters under a name that everybody of the shop sees."""
    return await _saved(viewer, None, query, name, form)


async def _saved(viewer: Viewer, person_id: int | None, query: str, name: str, form: str) -> Response:
    chosen, name = filters_of(query), " ".join(name.split())
    error = ""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or not chosen:
        error = viewer.say(N_("A view has filters, and a name of at most 60 characters."))
    else:
        async with viewer.console.database.transaction() as tx:
            if not await store_views.save_view(tx, viewer.here, person_id, name, urlencode(chosen)):
                error = viewer.say(N_("There are 30 views already: delete one first."))
    if error:
        return await listed(viewer, chosen, error=error, status=422)
    await viewer.record("save_view", f"views/{name}", "done", form)
    return see(viewer.url("/customers") + f"?{urlencode(chosen)}")


@router.post("/s/{shop}/customer-views/{view}/delete")
async def delete_view(
    viewer: Guarded, view: Annotated[int, Path(ge=1, le=2**63 - 1)], form: Annotated[str, Form(max_length=50)]
) -> Response:
    """Delete one's own view; of the shop's, who may save them."""
    async with viewer.console.database.transaction() as tx:
        gone = await store_views.delete_view(
            tx, viewer.here, view, viewer.who.person_id, shared=viewer.may("share_view")
        )
    if gone is None:
        raise NotHere
    await viewer.record("delete_view", f"views/{gone}", "done", form)
    return see(viewer.url("/customers"))
