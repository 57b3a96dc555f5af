"""How are the versions of a shop's thresholds kept? Added, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.db import CustomerKey, Transaction
from segmentation.domain.thresholds import Thresholds
from segmentation.store.reviews import start_review


async def next_version(tx: Transaction, shop: str) -> int:
    """The number of the next version; the caller has locked the shops, so the number is its own."""
    # Numbers have no holes: nothing is ever deleted.
    return int(await tx.value("select coalesce(max(version), 0) + 1 from thresholds where shop = :shop", shop=shop))


async def insert_thresholds(
    tx: Transaction, shop: str, version: int, valid_from: datetime, thresholds: Thresholds, *, refold: bool
) -> bool:
    """Add a version, to be met by every customer; False when it is there already. The caller has locked the shops.

    `refold`: the version is met late, and who was folded beyond its start without it is to be folded anew.
    """
    # A version is never changed.
    count = await tx.execute(
        """
        insert into thresholds (shop, version, valid_from, body, refold_after)
        values (:shop, :version, :valid_from, cast(:body as jsonb), :refold_after)
        on conflict (shop, version) do nothing
        """,
        shop=shop,
        version=version,
        valid_from=valid_from,
        body=thresholds.model_dump_json(),
        refold_after="" if refold else None,
    )
    if count:
        # Figures in the making may be over the window of before: they begin again.
        await tx.execute("delete from figure_portions where shop = :shop", shop=shop)
        await start_review(tx, shop)
    return count == 1


async def next_refolds(tx: Transaction, limit: int) -> tuple[Row[Any] | None, list[CustomerKey]]:
    """A version that was met late (locked), and the next customers who were folded beyond its start without it."""
    # One worker a version: the row is skipped while somebody else holds it.
    version = await tx.fetch_one(
        """
        select shop, version, valid_from, refold_after from thresholds where refold_after is not null
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
    """Customers up to `after` have been folded anew; None: all."""
    # The row is locked by `next_refolds`.
    await tx.execute(
        "update thresholds set refold_after = :after where shop = :shop and version = :version",
        shop=shop,
        version=version,
        after=after,
    )


async def count_refolds(tx: Transaction) -> int:
    """Versions still being worked in."""
    # Few rows at any time.
    return int(await tx.value("select count(*) from thresholds where refold_after is not null"))
