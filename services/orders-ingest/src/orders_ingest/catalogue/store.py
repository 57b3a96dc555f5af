"""SQL of products: one row each, the newest version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import Event
from common.events.catalogue import ProductChanged, ProductFields
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.catalogue.rules import missing_of

Named = tuple[str, str]
"""(shop, SKU)."""


class ProductRow(NamedTuple):
    """One version of a product; `body` is its data as JSON text, `missing` what it lacks."""

    shop: str
    sku: str
    revision: int
    numbered: bool
    source: str
    event_id: str
    at: datetime
    body: str
    lacks: int
    missing: str

    @property
    def rank(self) -> tuple[int, str, str]:
        return self.revision, self.source, self.event_id


Stored = Any
"""A row with revision, at, body as text and missing."""
WANTED = Columns("w", shop="text", sku="text")
PRODUCTS = Columns(
    "n",
    shop="text",
    sku="text",
    revision="bigint",
    numbered="boolean",
    source="text",
    event_id="text",
    at="timestamptz",
    body="json",
    lacks="smallint",
    missing="text",
)


async def lock_products(tx: Transaction, products: Iterable[Named]) -> dict[Named, bool]:
    """Lock the products until the commit; whether those that are known bear the shop's own version numbers."""
    keys = sorted(set(products))
    # One of 256 locks each, sorted: two versions of one product are decided one after the other, known or not.
    await tx.fetch(
        f"""
        select pg_advisory_xact_lock(7303, bucket) from (
            select distinct abs(hashtext(w.shop || '/' || w.sku) % 256) as bucket from {WANTED} order by 1
        ) as b
        """,
        **WANTED.of(keys),
    )
    # Read after the locks, so that what another process did before is seen.
    rows = await tx.fetch(
        f"select p.shop, p.sku, p.numbered from {WANTED} join products p using (shop, sku)", **WANTED.of(keys)
    )
    return {(row.shop, row.sku): row.numbered for row in rows}


async def get_products(tx: Transaction, products: Iterable[Named]) -> dict[Named, ProductFields]:
    """What is known of these products; those that are not in the catalogue are absent."""
    if not (keys := sorted(set(products))):
        return {}
    # By primary key.
    rows = await tx.fetch(
        f"select p.shop, p.sku, cast(p.body as text) as body from {WANTED} join products p using (shop, sku)",
        **WANTED.of(keys),
    )
    return {(row.shop, row.sku): ProductFields.model_validate_json(row.body) for row in rows}


async def get_revisions(tx: Transaction, products: Iterable[Named]) -> dict[Named, int]:
    """The revisions of these products as they stand, under their locks."""
    rows = await tx.fetch(
        f"select p.shop, p.sku, p.revision from {WANTED} join products p using (shop, sku)",
        **WANTED.of(sorted(set(products))),
    )
    return {(row.shop, row.sku): row.revision for row in rows}


async def save_products(tx: Transaction, versions: Iterable[tuple[Event[ProductChanged], str]]) -> None:
    """Keep of each product the version of the highest rank, as published, with its data in JSON. Idempotent."""
    newest: dict[Named, ProductRow] = {}
    for row in (_row(event, body) for event, body in versions):
        kept = newest.get((row.shop, row.sku))
        if kept is None or row.rank > kept.rank:
            newest[row.shop, row.sku] = row
    if not newest:
        return
    # Where the row's own version is the newer one, it stays. The primary key closes the race of two first versions.
    await tx.execute(
        f"""
        insert into products as p (shop, sku, revision, numbered, source, event_id, at, body, lacks, missing)
        select * from {PRODUCTS}
        on conflict (shop, sku) do update set
            revision = excluded.revision, numbered = excluded.numbered, source = excluded.source,
            event_id = excluded.event_id, at = excluded.at, body = excluded.body, lacks = excluded.lacks,
            missing = excluded.missing
        where (excluded.revision, excluded.source collate "C", excluded.event_id collate "C")
            > (p.revision, p.source collate "C", p.event_id collate "C")
        """,
        **PRODUCTS.of(newest[key] for key in sorted(newest)),
    )


def _row(event: Event[ProductChanged], body: str) -> ProductRow:
    data, missing = event.data, missing_of(event.data)
    return ProductRow(
        shop=event.shop,
        sku=data.sku,
        revision=data.revision,
        numbered=data.version is not None,
        source=event.source,
        event_id=event.id,
        at=event.time,
        body=body,
        lacks=len(missing),
        missing=" ".join(missing),
    )


async def get_product(tx: Transaction, shop: str, sku: str) -> Any:
    """One product: revision, at, body as text, missing; None where the catalogue has none of that SKU."""
    return await tx.fetch_one(
        """
        select revision, at, cast(body as text) as body, missing from products where shop = :shop and sku = :sku
        """,
        shop=shop,
        sku=sku,
    )


async def list_products(
    tx: Transaction, shop: str, after: str, limit: int, *, incomplete: bool = False
) -> Sequence[Any]:
    """The shop's products by SKU, after that of the page before; of the incomplete ones alone where wanted."""
    # By primary key; the incomplete ones by their own index.
    return await tx.fetch(
        f"""
        select sku, revision, at, cast(body as text) as body, missing from products
        where shop = :shop and sku > :after {"and lacks > 0" if incomplete else ""}
        order by sku limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )


async def count_missing(tx: Transaction, shop: str) -> tuple[int, int, dict[str, int]]:
    """Products of the shop, those that lack something, and how many lack each field."""
    # All of the shop's products are counted.
    [all_of] = await tx.fetch(
        """
        select count(*) as products, count(*) filter (where lacks > 0) as incomplete from products where shop = :shop
        """,
        shop=shop,
    )
    # Of the incomplete ones alone, by their index.
    rows = await tx.fetch(
        """
        select field, count(*) as products
        from products, lateral regexp_split_to_table(missing, ' ') as field
        where shop = :shop and lacks > 0 group by field
        """,
        shop=shop,
    )
    return all_of.products, all_of.incomplete, {row.field: row.products for row in rows}
