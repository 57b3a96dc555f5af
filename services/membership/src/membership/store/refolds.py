"""Which members are to be folded anew because rules changed behind them, and how far has that come?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from common.db import CustomerKey, Transaction


async def next_refolds(tx: Transaction, limit: int) -> tuple[Row[Any] | None, list[CustomerKey]]:
    """A version that was met late (locked), and the next members who were folded beyond its start without it."""
    # One worker a version: the row is skipped while somebody else holds it.
    version = await tx.fetch_one(
        """
        select shop, version, valid_from, refold_after from programmes where refold_after is not null
        order by shop, version limit 1 for update skip locked
        """
    )
    if version is None:
        return None, []
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        """
        select customer from customers
        where shop = :shop and customer > :after and (last_time >= :valid_from or done_until >= :valid_from)
        order by customer limit :limit
        """,
        shop=version.shop,
        after=version.refold_after,
        valid_from=version.valid_from,
        limit=limit,
    )
    return version, [(version.shop, row.customer) for row in rows]


async def save_refold_cursor(tx: Transaction, shop: str, version: int, after: str | None) -> None:
    # Null: every member has been folded anew.
    await tx.execute(
        "update programmes set refold_after = :after where shop = :shop and version = :version",
        shop=shop,
        version=version,
        after=after,
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
        # The next bite begins behind this one.
        await tx.execute(
            "update refolds set after = :after where shop = :shop and cause = :cause",
            shop=shop,
            cause=cause,
            after=after,
        )


async def count_refolds(tx: Transaction) -> int:
    # Versions and changed rules still being worked in.
    return int(
        await tx.value(
            """
            select (select count(*) from programmes where refold_after is not null) + (select count(*) from refolds)
            """
        )
    )
