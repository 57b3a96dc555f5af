"""Special requests of orders: what is to be done before shipping (ORD-011)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import see

router = APIRouter()
ROWS = 50
Name = Annotated[str, Path(max_length=200)]


@router.get("/s/{shop}/special-requests")
async def special_requests(viewer: Guarded, after: Annotated[str, Query(max_length=1_000)] = "") -> Response:
    """Those that are not done yet, by order; the shop's system says when one is."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("orders-ingest", "/special-requests", **asked))
    return viewer.draw("desk/special.html", page=page, after=after, part=part)


@router.post("/s/{shop}/special-requests/{order_id}/{request_id}/show")
async def show_request(
    viewer: Guarded, order_id: Name, request_id: Name, form: Annotated[str, Form(max_length=50)]
) -> Response:
    """What the customer asked for, for five minutes; the look is recorded first."""
    await viewer.look(_thing(order_id, request_id), "show_request", form)
    return see(viewer.url(f"/special-requests/{part(order_id)}/{part(request_id)}"))


@router.get("/s/{shop}/special-requests/{order_id}/{request_id}")
async def one_request(viewer: Guarded, order_id: Name, request_id: Name) -> Response:
    """One request; its words where this session asked to see them."""
    path = f"/orders/{part(order_id)}/special-requests/{part(request_id)}/text"
    shown = await viewer.may_look(_thing(order_id, request_id))
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", path))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return viewer.draw("desk/one_special.html", r=found.body, shown=shown, part=part)


def _thing(order_id: str, request_id: str) -> str:
    return f"orders/{part(order_id)}/special-requests/{part(request_id)}"
