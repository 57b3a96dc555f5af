"""One order: what it was, how the customer came to it, what it earned and which messages spoke of it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from common.values.paths import part
from console.web.guard import Guarded, NoAnswer, NotHere

router = APIRouter()


@router.get("/s/{shop}/orders/{order}")
async def order(viewer: Guarded, order: str) -> Response:
    """Its newest version, its way, its reviews."""
    found, journey, fulfilment, reviews, surveys = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", f"/orders/{part(order)}"),
        viewer.of_shop("orders-ingest", f"/orders/{part(order)}/journey"),
        viewer.of_shop("orders-ingest", f"/orders/{part(order)}/fulfilment"),
        viewer.of_shop("feedback", "/reviews", order_id=order, limit="20"),
        viewer.of_shop("feedback", "/surveys", order_id=order, limit="20"),
    )
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    customer = found.body["customer"]
    if customer:
        await viewer.open_customer(customer)
    return viewer.draw(
        "customers/order.html",
        o=found.body,
        journey=journey,
        fulfilment=fulfilment,
        reviews=reviews,
        surveys=surveys,
        here=part(customer) if customer else None,
    )
