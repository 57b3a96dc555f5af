"""A customer's points explained: one line a cause, with the balance after it and how it was earned."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.customers.sentences import sentence
from console.web.formats import number
from console.web.guard import Guarded, NotHere

router = APIRouter()
LINES = 50
Before = Annotated[int | None, Query(ge=1, le=2**53 - 1)]


@router.get("/s/{shop}/customers/{customer}/statement")
async def statement(viewer: Guarded, customer: str, before: Before = None) -> Response:
    """The newest lines, and from there on by key."""
    here = part(customer)
    asked = {"limit": str(LINES)} | ({"before": str(before)} if before else {})
    member, settings, page = await viewer.console.services.ask(
        viewer.of_shop("membership", f"/members/{here}"),
        viewer.of_shop("orders-ingest", "/settings"),
        viewer.of_shop("membership", f"/members/{here}/statement", **asked),
    )
    if page.state == "unknown":
        raise NotHere
    return viewer.draw(
        "customers/statement.html",
        customer=customer,
        here=here,
        member=member,
        page=page,
        before=before,
        currency=settings.body["current"]["currency"] if settings.ok else None,
        sentence=sentence,
        factor=factor,
    )


def factor(earned: dict[str, Any]) -> str:
    """Points per 1.00, as a plain number: `1.2`."""
    plain = Decimal(earned["factor"]) / 10_000
    return f"{plain.normalize():f}" if plain % 1 else number(int(plain))
