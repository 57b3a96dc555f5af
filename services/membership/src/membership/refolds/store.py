"""Which members are to be folded anew because rules changed behind them, and how far has that come?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.shops.settings import SHOPS
from common.storage.database import Transaction
from membership.programme.store import PROGRAMMES


async def next_changed(tx: Transaction, limit: int) -> tuple[Row[Any] | None, list[CustomerKey]]:
    """A shop all of whose customers are to be folded anew (locked), and the next of them."""
    # One worker a shop: the row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        "select shop, cause, at, after from refolds order by shop, cause limit 1 for update skip locked"
    )
    if row is None:
        return None, []
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer > :after order by customer limit :limit",
        shop=row.shop,
        after=row.after,
        limit=limit,
    )
    return row, [(row.shop, found.customer) for found in rows]


async def save_changed_cursor(tx: Transaction, shop: str, cause: str, after: str | None) -> None:
    """Customers up to `after` are done; None: all of them."""
    if after is None:
        # Nobody is left who was folded by the rules of before.
        await tx.execute("delete from refolds where shop = :shop and cause = :cause", shop=shop, cause=cause)
    else:
        # The next bite begins behind this one.
        await tx.execute(
            "update refolds set after = :after where shop = :shop and cause = :cause",
            shop=shop,
            cause=cause,
            after=after,
        )


async def shops_refolding(tx: Transaction) -> set[str]:
    """Shops some of whose customers are still to be folded anew."""
    # Few rows at any time.
    rows = await tx.fetch("select distinct shop from refolds")
    return {*(row.shop for row in rows), *await PROGRAMMES.late_shops(tx)}


async def count_refolds(tx: Transaction) -> int:
    """Versions, settings and changed rules still being worked in."""
    late = await PROGRAMMES.late_shops(tx) + await SHOPS.late_shops(tx)
    # Few rows at any time.
    return len(late) + int(await tx.value("select count(*) from refolds"))
