"""Products by SKU, those that lack what customers need to know first if wished, and one product (ORD-042)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.web.guard import Guarded, NoAnswer, NotHere

router = APIRouter()
ROWS = 50


@router.get("/s/{shop}/catalogue")
async def catalogue(
    viewer: Guarded,
    incomplete: Annotated[bool, Query()] = False,
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """How complete it is, and its products."""
    asked = {"limit": str(ROWS), "incomplete": str(incomplete).lower()} | ({"after": after} if after else {})
    page, report = await viewer.ask(
        viewer.of_shop("orders-ingest", "/products", **asked), viewer.of_shop("orders-ingest", "/products-report")
    )
    return viewer.draw(
        "catalogue/catalogue.html", page=page, report=report, incomplete=incomplete, after=after, part=part
    )


@router.get("/s/{shop}/catalogue/{sku:path}")
async def product(viewer: Guarded, sku: Annotated[str, Path(max_length=500)]) -> Response:
    """One product; its SKU may hold slashes."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", f"/products/{part(sku)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return viewer.draw("catalogue/product.html", p=found.body)
