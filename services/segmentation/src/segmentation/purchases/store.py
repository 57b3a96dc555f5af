"""Sales: what statistics and reports read of the items, in typed rows, so that nobody parses the items of a shop."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from common.events import CustomerKey
from common.fold.items import Items
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.purchases.entries import Sale, sale_of

_SALES = Columns(
    "w",
    shop="text",
    customer="text",
    name="text",
    day="date",
    gone="date",
    currency="text",
    orders="smallint",
    paid="bigint",
    refunded="bigint",
)
_NAMES = Columns("w", shop="text", customer="text", name="text")
_KEYS = Columns("w", shop="text", customer="text")


async def save_sales(tx: Transaction, of: Mapping[CustomerKey, Items[Any]]) -> None:
    """Store the sales of the items that changed. The customers are locked."""
    kept, gone = list[tuple[Any, ...]](), list[tuple[str, ...]]()
    for key, items in of.items():
        known = items.all()
        for name in items.changed:
            sale = sale_of(name, known[name]) if name in known else None
            if sale is not None:
                kept.append((*key, *sale))
            elif name.startswith("refund/"):
                gone.append((*key, name))  # late news may have found the order of a refund that had none
    if kept:
        # Of a customer who was folded from the start most are as they were.
        await tx.execute(
            f"""
            insert into sales (shop, customer, name, day, gone, currency, orders, paid, refunded)
            select shop, customer, name, day, gone, currency, orders, paid, refunded from {_SALES}
            on conflict (shop, customer, name) do update
            set day = excluded.day, gone = excluded.gone, currency = excluded.currency, paid = excluded.paid,
                refunded = excluded.refunded
            where (sales.day, sales.gone, sales.currency, sales.paid, sales.refunded)
                  is distinct from (excluded.day, excluded.gone, excluded.currency, excluded.paid, excluded.refunded)
            """,
            **_SALES.of(kept),
        )
    if gone:
        # By primary key.
        await tx.execute(
            f"""
            delete from sales s using {_NAMES} where s.shop = w.shop and s.customer = w.customer and s.name = w.name
            """,
            **_NAMES.of(gone),
        )


async def delete_sales(tx: Transaction, keys: Collection[CustomerKey]) -> None:
    """Nothing is stored of these customers, who are locked."""
    # A range of the primary key each.
    await tx.execute(
        f"delete from sales s using {_KEYS} where s.shop = w.shop and s.customer = w.customer", **_KEYS.of(keys)
    )


async def get_sales(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, set[Sale]]:
    """What is stored of these customers."""
    found: dict[CustomerKey, set[Sale]] = {key: set() for key in keys}
    # A range of the primary key each.
    rows = await tx.fetch(
        f"""
        select s.shop, s.customer, s.name, s.day, s.gone, s.currency, s.orders, s.paid, s.refunded
        from {_KEYS} join sales s using (shop, customer)
        """,
        **_KEYS.of(keys),
    )
    for row in rows:
        found[row.shop, row.customer].add(Sale(*tuple(row)[2:]))
    return found
