"""A member's stored state, and what a shop's members come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def get_report(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    # Members by tier, and what the shop owes them.
    return await tx.fetch(
        """
        select tier, count(*) as members, sum(pending) as pending, sum(available) as available, sum(debt) as debt
        from customers where shop = :shop and enrolled_at is not null group by tier order by tier
        """,
        shop=shop,
    )


async def get_outstanding(tx: Transaction, shop: str) -> Row[Any] | None:
    # Points of all customers, members or not yet (a first order's points are pending before enrolment).
    return await tx.fetch_one(
        """
        select coalesce(sum(pending), 0) as pending, coalesce(sum(available), 0) as available,
               coalesce(sum(debt), 0) as debt
        from customers where shop = :shop
        """,
        shop=shop,
    )


async def count_customers(tx: Transaction, shop: str) -> int:
    # Members or not: another programme may enrol others.
    return int(await tx.value("select count(*) from customers where shop = :shop", shop=shop))


async def count_everybody(tx: Transaction) -> int:
    # All customers of all shops.
    return int(await tx.value("select count(*) from customers"))


async def list_candidates(tx: Transaction, shop: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """Members whom a campaign has qualified for a tier that staff may grant, in order of the customer."""
    # By the partial index of candidates.
    return await tx.fetch(
        """
        select customer, tier, candidate from customers
        where shop = :shop and candidate is not null and customer > :after order by customer limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
