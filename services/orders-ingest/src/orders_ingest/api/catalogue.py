"""The catalogue as a shop sends it and sees it, and what it lacks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from common.events.catalogue import ProductFields
from common.events.fields import Cursor, ShopName, Sku
from common.http.api import Body, Caller, Router, Tx, require, runtime_of
from common.refusals import NotFound
from orders_ingest.api.parts import OutcomeOut, ResultsOut, answer_each, answer_one, vault_of
from orders_ingest.catalogue import store
from orders_ingest.commands import put_products as command
from orders_ingest.intake.checks import MAX_BATCH
from orders_ingest.intake.state import Outcome

router = Router(prefix="/v1/shops/{shop}", tags=["catalogue"])
Writer = Annotated[Caller, require("events:write")]
InPath = Annotated[Sku, Path(description="the SKU; a `/` in it may stand as it is")]
_EXAMPLE: dict[str, Any] = {
    "name": "Longjing, 250 g",
    "category": "green tea",
    "brand": "Tea House",
    "price": 12900,
    "currency": "EUR",
    "season": "spring",
    "launched_on": "2025-02-20",
    "marks": [{"mark": "new", "since": "2025-02-20T00:00:00+01:00", "until": "2025-05-20T00:00:00+02:00"}],
}


class UnknownProduct(NotFound):
    """The catalogue has no product of that SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__("unknown_product", f"The shop has sent no product {sku!r} yet.")


class ProductIn(ProductFields, Body):
    """The whole product as it stands: what is left out is forgotten."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    def fields(self) -> ProductFields:
        """What is sent of the product."""
        return ProductFields(**{name: getattr(self, name) for name in ProductFields.model_fields})


class ProductOfManyIn(ProductIn):
    """A product with its SKU."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sku": "longjing-250", **_EXAMPLE}]})
    sku: Sku


class ProductsIn(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"products": [{"sku": "longjing-250", **_EXAMPLE}]}]})
    products: Annotated[list[ProductOfManyIn], Field(min_length=1, max_length=MAX_BATCH)]

    @field_validator("products")
    @classmethod
    def _once(cls, products: list[ProductOfManyIn]) -> list[ProductOfManyIn]:
        if len({product.sku for product in products}) < len(products):
            raise ValueError("each SKU at most once")
        return products


class ProductOut(ProductFields):
    """A product by its newest version; `missing`: what a customer needs to know and the shop did not say (ORD-042)."""

    sku: str
    revision: int
    changed_at: datetime
    missing: list[str]


class ProductsOut(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[ProductOut]
    after: str | None


class CatalogueReportOut(BaseModel):
    """`missing`: how many products lack each of the needed fields."""

    products: int
    incomplete: int
    missing: dict[str, int]


@router.post("/products", status_code=202, response_model=ResultsOut)
async def post_products(shop: ShopName, body: ProductsIn, request: Request, _: Writer) -> Response:
    """Upsert up to 1,000 products; one result each, all durable when answered. Only what changed is announced."""
    return answer_each(await _put(request, shop, {one.sku: one.fields() for one in body.products}))


@router.get("/products", dependencies=[require("orders:read")])
async def list_products(
    shop: ShopName,
    tx: Tx,
    incomplete: Annotated[bool, Query(description="those alone that lack something")] = False,
    after: Annotated[Cursor, Query()] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ProductsOut:
    """The shop's products by SKU."""
    rows = await store.list_products(tx, shop, after, limit + 1, incomplete=incomplete)
    items = [_out(row.sku, row) for row in rows[:limit]]
    return ProductsOut(items=items, after=items[-1].sku if len(rows) > limit else None)


@router.get("/products-report", dependencies=[require("orders:read")])
async def get_catalogue_report(shop: ShopName, tx: Tx) -> CatalogueReportOut:
    """How complete the catalogue is (ORD-042); `GET …/products?incomplete=true` names the products."""
    products, incomplete, missing = await store.count_missing(tx, shop)
    return CatalogueReportOut(products=products, incomplete=incomplete, missing=missing)


@router.put("/products/{sku:path}", status_code=202, response_model=OutcomeOut)
async def put_product(shop: ShopName, sku: InPath, body: ProductIn, request: Request, _: Writer) -> Response:
    """Take a whole product; announced only when it changed. Lines of orders that come from then on are filled from
    it, with the mark that it had when the order was made (ORD-008)."""
    return answer_one((await _put(request, shop, {sku: body.fields()}))[0])


@router.get("/products/{sku:path}", dependencies=[require("orders:read")])
async def get_product(shop: ShopName, sku: InPath, tx: Tx) -> ProductOut:
    """One product as its newest version says."""
    row = await store.get_product(tx, shop, sku)
    if row is None:
        raise UnknownProduct(sku)
    return _out(sku, row)


def _out(sku: str, row: store.Stored) -> ProductOut:
    return ProductOut(
        **{
            **orjson.loads(row.body),
            "sku": sku,
            "revision": row.revision,
            "changed_at": row.at,
            "missing": row.missing.split(),
        }
    )


async def _put(request: Request, shop: str, sent: dict[str, ProductFields]) -> list[Outcome]:
    vault = vault_of(request.app)
    return await runtime_of(request).database.run(lambda tx: command.put_products(tx, vault, shop, sent))
