"""What people asked for by their shop's platform: their data, or to be forgotten; done by hand, and said so here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.forms.sheets import Command, order
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
Name = Annotated[str, Path(max_length=200)]


@router.get("/s/{shop}/privacy-requests")
async def privacy_requests(
    viewer: Guarded, done: Annotated[bool, Query()] = False, after: Annotated[str, Query(max_length=500)] = ""
) -> Response:
    """Those that are open; with `done` all."""
    return await _page(viewer, after, done=done)


async def _page(viewer: Viewer, after: str = "", error: str = "", status: int = 200, *, done: bool = False) -> Response:
    asked = {"limit": str(ROWS)} | ({} if done else {"open": "true"}) | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("orders-ingest", "/privacy-requests", **asked))
    last = page.body[-1] if page.ok and len(page.body) == ROWS else None
    following = f"{last['vendor']}:{last['request_id']}" if last is not None else None
    values = {"page": page, "done": done, "after": after, "following": following, "error": error}
    return viewer.draw("privacy/requests.html", status, **values, part=part)


@router.post("/s/{shop}/privacy-requests/{vendor}/{request_id}")
async def finish_privacy_request(
    viewer: Guarded, vendor: Name, request_id: Name, form: Annotated[str, Form(max_length=50)]
) -> Response:
    """It was answered."""

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, "", error, status)

    path = f"/privacy-requests/{part(vendor)}/{part(request_id)}"
    command = Command("finish_privacy_request", path.strip("/"), "orders-ingest", "POST", f"{path}/done")
    return await order(viewer, form, command, again, "/privacy-requests")
