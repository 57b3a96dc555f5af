"""Products with their neighbours, one row each, counted anew each day from the newest baskets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.shops.imports import list_importing
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.recommendations import audience
from segmentation.recommendations.state import Basket, Goods, Product

BASKETS = 30_000
"""The newest so many of a shop are looked at."""
COUNTED = """
select from product_models m where m.shop = s.shop and m.due_at > :now and not exists (
    select from imports_under_way i where i.shop = m.shop and i.ended_at > m.counted_at and i.ended_at <= :now
)
"""
"""The products of shop `s` need not be counted now: they were not long ago, and no history has come in since."""
_PRODUCTS = Columns(
    "w",
    sku="text",
    category="text",
    brand="text",
    orders="integer",
    recent="integer",
    price="bigint",
    is_new="boolean",
    neighbours="text",
)
_FIELDS = "sku, category, brand, orders, recent, price, is_new"
_NEIGHBOURS = "cast(neighbours as text) as neighbours"


async def list_uncounted(tx: Transaction, now: datetime, shops: Collection[str]) -> list[str]:
    """Those of the shops whose products are to be counted now.

    A shop that is counted for the first time waits until an import that is running ends.
    """
    # A row a shop, and an import of it.
    rows = await tx.fetch(
        f"""
        select shop, exists (select from product_models m where m.shop = s.shop) as known
        from unnest(cast(:shops as text[])) as s (shop) where not exists ({COUNTED}) order by shop
        """,
        shops=sorted(shops),
        now=now,
    )
    importing = await list_importing(tx, [row.shop for row in rows if not row.known], now)
    return [row.shop for row in rows if row.shop not in importing]


async def get_first(tx: Transaction, shop: str) -> datetime | None:
    """When the shop's products were counted for the first time; None: never."""
    # By primary key.
    found: datetime | None = await tx.value("select first_at from product_models where shop = :shop", shop=shop)
    return found


async def lock_model(tx: Transaction, shop: str) -> bool:
    """Be the one process that counts the shop's products, until the transaction ends; False when another is."""
    # Nobody waits: what another counts is counted.
    return bool(await tx.value("select pg_try_advisory_xact_lock(7301012, hashtext(:shop))", shop=shop))


async def get_baskets(tx: Transaction, shop: str, since: date, until: date, currency: str) -> list[Basket]:
    """The newest orders of [since, until) that count and have lines."""
    rows = await _newest(tx, shop, since, until, currency)
    return [Basket(row.day, [_goods(line, own=row.own) for line in orjson.loads(row.lines)]) for row in rows]


async def get_bought_baskets(
    tx: Transaction, shop: str, since: date, until: date, currency: str
) -> list[audience.Bought]:
    """The same, with their customers; without those of who was erased (SEC-006): nobody is to tell them of anything."""
    rows = await _newest(tx, shop, since, until, currency, and_=f"and {NOT_ERASED}")
    return [
        audience.Bought(row.customer, row.day, tuple(_goods(line, own=row.own) for line in orjson.loads(row.lines)))
        for row in rows
    ]


async def _newest(
    tx: Transaction, shop: str, since: date, until: date, currency: str, *, and_: str = ""
) -> Sequence[Row[Any]]:
    # The period by the index on days from its end, how each was bought by primary key; what absorbed customers bought
    # is the survivor's sale, and its facts are theirs.
    return await tx.fetch(
        f"""
        select w.customer, w.day, w.currency = :currency as own, cast(coalesce(f.lines, a.lines) as text) as lines
        from sales w
        left join order_facts f on f.shop = w.shop and f.customer = w.customer and w.name = 'order/' || f.order_id
        left join absorbed_order_facts a
        on a.shop = w.shop and a.customer = w.customer and w.name = 'order/' || a.order_id
        where w.shop = :shop and w.day >= :since and w.day < :until and w.gone is null and w.orders > 0
          and coalesce(f.lines, a.lines) is not null {and_}
        order by w.day desc, w.customer, w.name limit :most
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
        most=BASKETS,
    )


def _goods(line: Sequence[Any], *, own: bool) -> Goods:
    sku, category, brand, quantity, paid, mark = line
    return Goods(sku, category, brand, paid // quantity if own and quantity > 0 else None, mark)


async def save_products(
    tx: Transaction, shop: str, day: date, baskets: int, products: Sequence[Product], now: datetime, due_at: datetime
) -> None:
    """Put these in place of what was counted before; the shop is locked."""
    # By primary key; a few thousand rows a day.
    await tx.execute("delete from products where shop = :shop", shop=shop)
    await tx.execute(
        f"""
        insert into products (shop, sku, category, brand, orders, recent, price, is_new, neighbours)
        select :shop, sku, category, brand, orders, recent, price, is_new, cast(neighbours as jsonb) from {_PRODUCTS}
        """,
        shop=shop,
        **_PRODUCTS.of(
            (p.sku, p.category, p.brand, p.orders, p.recent, p.price, p.is_new, orjson.dumps(p.neighbours).decode())
            for p in products
        ),
    )
    # By primary key.
    await tx.execute(
        """
        insert into product_models (shop, day, baskets, first_at, counted_at, due_at)
        values (:shop, :day, :baskets, :now, :now, :due_at)
        on conflict (shop) do update set day = excluded.day, baskets = excluded.baskets,
            counted_at = excluded.counted_at, due_at = excluded.due_at
        """,
        shop=shop,
        day=day,
        baskets=baskets,
        now=now,
        due_at=due_at,
    )


async def get_model(tx: Transaction, shop: str) -> Row[Any] | None:
    """Row day, baskets: when the products were counted, and from how many; None: never."""
    # By primary key.
    return await tx.fetch_one("select day, baskets from product_models where shop = :shop", shop=shop)


async def get_products(tx: Transaction, shop: str, skus: Collection[str]) -> dict[str, Product]:
    """Those of these products that were counted, with their neighbours."""
    # By primary key.
    rows = await tx.fetch(
        f"select {_FIELDS}, {_NEIGHBOURS} from products where shop = :shop and sku = any(:skus)",
        shop=shop,
        skus=sorted(skus),
    )
    return {row.sku: _product(row) for row in rows}


async def get_drawn(tx: Transaction, shop: str, skus: Collection[str]) -> dict[str, Product]:
    """Those of these products that were counted, without neighbours: some thousands, of a long history."""
    # By primary key.
    rows = await tx.fetch(
        f"select {_FIELDS} from products where shop = :shop and sku = any(:skus)", shop=shop, skus=sorted(skus)
    )
    return {row.sku: _product(row) for row in rows}


async def list_popular(tx: Transaction, shop: str, category: str | None, limit: int) -> dict[str, Product]:
    """The best sellers of the last month, and as many of those that are new; of a category where one is asked for.

    Without neighbours.
    """
    # By the index on sales of the last month, in its order; a shop has a few thousand products.
    rows = await tx.fetch(
        f"""
        (select {_FIELDS} from products
         where shop = :shop and (cast(:category as text) is null or category = :category)
         order by recent desc, sku limit :limit)
        union all
        (select {_FIELDS} from products
         where shop = :shop and is_new and (cast(:category as text) is null or category = :category)
         order by recent desc, sku limit :limit)
        """,
        shop=shop,
        category=category,
        limit=limit,
    )
    return {row.sku: _product(row) for row in rows}


def _product(row: Row[Any]) -> Product:
    fields = row._asdict()
    near = [(str(sku), float(score)) for sku, score in orjson.loads(fields.pop("neighbours", "[]"))]
    return Product(**fields, neighbours=near)
