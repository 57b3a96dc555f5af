"""The rows of reserved checkouts, by which a repeated request is answered as the first one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction

_CHECKOUTS = 7_301_009
"""Namespace of the advisory locks that let one request at a time work on the checkout of an order."""


async def lock_checkout(tx: Transaction, shop: str, order_id: str) -> Row[Any] | None:
    """The checkout of the order; nobody changes it until the commit."""
    # Closes the race of two requests for an order of which nothing is stored yet.
    await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:name))", space=_CHECKOUTS, name=f"{shop}/{order_id}")
    return await get_checkout(tx, shop, order_id)


async def get_checkout(tx: Transaction, shop: str, order_id: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        """
        select shop, order_id, customer, times, cast(asked as text) as asked, cast(answer as text) as answer, codes,
               redemption_id, by_quota, status
        from checkouts where shop = :shop and order_id = :order_id
        """,
        shop=shop,
        order_id=order_id,
    )


async def save_checkout(tx: Transaction, **checkout: Any) -> None:
    """A checkout that is reserved now, in place of one that was voided."""
    # The order is locked.
    await tx.execute(
        """
        insert into checkouts (shop, order_id, customer, times, asked, answer, codes, redemption_id, by_quota, status,
                               at)
        values (:shop, :order_id, :customer, :times, cast(:asked as jsonb), cast(:answer as jsonb), :codes,
                :redemption_id, :by_quota, 'reserved', :at)
        on conflict (shop, order_id) do update set customer = excluded.customer, times = excluded.times,
            asked = excluded.asked, answer = excluded.answer, codes = excluded.codes,
            redemption_id = excluded.redemption_id, by_quota = excluded.by_quota, status = 'reserved', at = excluded.at
        """,
        **checkout,
    )


async def save_status(tx: Transaction, shop: str, order_id: str, status: str, at: datetime) -> None:
    # The order is locked.
    await tx.execute(
        "update checkouts set status = :status, at = :at where shop = :shop and order_id = :order_id",
        shop=shop,
        order_id=order_id,
        status=status,
        at=at,
    )
