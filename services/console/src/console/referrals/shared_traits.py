"""Devices, means of payment and addresses that several members share, with what each member has had (SEC-014)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()
ROWS = 20
LEAST = (2, 3, 5, 10)
"""From how many people on a trait is looked at."""


@router.get("/s/{shop}/shared-traits")
async def shared_traits(
    viewer: Guarded,
    least: Annotated[str, Query(max_length=10)] = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """One part for each trait; accounts that a merge has joined are one person."""
    return await _page(viewer, int(least) if least in map(str, LEAST) else 3, after)


async def _page(viewer: Viewer, least: int, after: str) -> Response:
    asked = {"least": str(least), "limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("membership", "/shared-traits", **asked))
    return viewer.draw("referrals/shared_traits.html", page=page, least=least, choices=LEAST, after=after, part=part)
