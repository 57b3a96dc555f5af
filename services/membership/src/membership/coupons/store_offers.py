"""The rows of offers: terms that never change; uses and budget that all customers share are guarded by constraints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from membership.coupons.offer import Offer


async def insert_offer(tx: Transaction, shop: str, offer_id: str, offer: Offer) -> bool:
    """False where there is one of that id."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into offers (shop, offer_id, terms, starts, ends, use_limit, budget, recorded_at)
        values (:shop, :id, cast(:terms as jsonb), :starts, :ends, :use_limit, :budget, :now) on conflict do nothing
        """,
        shop=shop,
        id=offer_id,
        terms=offer.model_dump_json(),
        starts=offer.starts,
        ends=offer.ends,
        use_limit=offer.use_limit,
        budget=offer.budget,
        now=tx.clock.now(),
    )
    return count == 1


async def get_offer(tx: Transaction, shop: str, offer_id: str, *, lock: bool = False) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"""
        select shop, offer_id, cast(terms as text) as terms, starts, ends, stopped_at, uses, spent,
               cast(spent_by as text) as spent_by, recorded_at
        from offers where shop = :shop and offer_id = :id {"for update" if lock else ""}
        """,
        shop=shop,
        id=offer_id,
    )


async def list_offers(tx: Transaction, shop: str, after: str, limit: int) -> Sequence[Row[Any]]:
    # In order of the primary key.
    return await tx.fetch(
        """
        select shop, offer_id, cast(terms as text) as terms, starts, ends, stopped_at, uses, spent,
               cast(spent_by as text) as spent_by, recorded_at
        from offers where shop = :shop and offer_id > :after order by offer_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )


async def offers_between(tx: Transaction, shop: str, start: datetime, end: datetime) -> Sequence[Row[Any]]:
    """Offers in force at some instant of [start, end)."""
    # By the index on ends; a shop has some hundred at most.
    return await tx.fetch(
        """
        select offer_id, cast(terms as text) as terms, starts, least(ends, stopped_at) as ends
        from offers where shop = :shop and ends > :start and starts < :end
        and (stopped_at is null or stopped_at > :start)
        order by starts, offer_id limit 1000
        """,
        shop=shop,
        start=start,
        end=end,
    )


async def figures_of(tx: Transaction, shop: str, offer_id: str) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """Coupons issued, uses by status, customers; and by currency what paid orders took off and paid for their goods."""
    # By the indexes of coupons and of uses by offer, in one pass.
    whole, *each = await tx.fetch(
        """
        select currency, (select count(*) from coupons where shop = :shop and offer_id = :id) as issued,
               count(*) filter (where status = 'reserved') as reserved,
               count(*) filter (where status = 'committed') as committed,
               count(*) filter (where status = 'over_limit') as over_limit,
               count(distinct customer) filter (where status in ('committed', 'over_limit')) as customers,
               coalesce(sum(amount) filter (where status in ('committed', 'over_limit')), 0) as taken_off,
               coalesce(sum(paid) filter (where status in ('committed', 'over_limit')), 0) as revenue
        from coupon_uses where shop = :shop and offer_id = :id
        group by grouping sets ((), (currency)) order by grouping(currency) desc, currency
        """,
        shop=shop,
        id=offer_id,
    )
    return whole, each


async def stop_offer(tx: Transaction, shop: str, offer_id: str, at: datetime) -> None:
    # The first stop counts.
    await tx.execute(
        "update offers set stopped_at = :at where shop = :shop and offer_id = :id and stopped_at is null",
        shop=shop,
        id=offer_id,
        at=at,
    )


async def shops_with_offers(tx: Transaction, shops: Iterable[str]) -> set[str]:
    """Of these shops, those that ever set an offer."""
    # A look into the primary key for each shop.
    rows = await tx.fetch(
        """
        select shop from unnest(cast(:shops as text[])) as w(shop)
        where exists (select 1 from offers o where o.shop = w.shop)
        """,
        shops=sorted(set(shops)),
    )
    return {row.shop for row in rows}
