"""Shops whose customers are folded anew because rules changed behind them, and how far that has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.database import Transaction


async def begin(tx: Transaction, shop: str, cause: str, at: datetime) -> None:
    """All customers of the shop, where it has any, are to be folded anew; what that changes is dated `at`.

    Idempotent by its cause.
    """
    # The primary key closes the race of two who begin one.
    await tx.execute(
        """
        insert into refolds (shop, cause, at) select :shop, :cause, cast(:at as timestamptz)
        where exists (select from customers where shop = :shop) on conflict do nothing
        """,
        shop=shop,
        cause=cause,
        at=at,
    )


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
        # The next page begins behind this one.
        await tx.execute(
            "update refolds set after = :after where shop = :shop and cause = :cause",
            shop=shop,
            cause=cause,
            after=after,
        )


async def list_shops(tx: Transaction) -> set[str]:
    """Shops some of whose customers are still to be folded by changed rules."""
    # Few rows at any time.
    return {row.shop for row in await tx.fetch("select distinct shop from refolds")}


async def count_refolds(tx: Transaction) -> int:
    """Changes of the rules themselves that are still being worked in."""
    # Few rows at any time.
    return int(await tx.value("select count(*) from refolds"))
