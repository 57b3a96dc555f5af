"""The rows of communities and of who is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.communities.terms import Community

_CUSTOMERS = Columns("w", shop="text", customer="text")
Status = Literal["invited", "joined", "left", "removed"]
_SHOWN = "shop, community_id, cast(terms as text) as terms, by, moved_at"


async def save_community(
    tx: Transaction, shop: str, community_id: str, terms: Community, by: str, at: datetime
) -> None:
    # The newest counts.
    await tx.execute(
        """
        insert into communities (shop, community_id, terms, by, moved_at)
        values (:shop, :id, cast(:terms as jsonb), :by, :at)
        on conflict (shop, community_id) do update
        set terms = excluded.terms, by = excluded.by, moved_at = excluded.moved_at
        """,
        shop=shop,
        id=community_id,
        terms=terms.model_dump_json(),
        by=by,
        at=at,
    )


async def get_community(tx: Transaction, shop: str, community_id: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"select {_SHOWN} from communities where shop = :shop and community_id = :id", shop=shop, id=community_id
    )


async def list_communities(tx: Transaction, shop: str, after: str, limit: int) -> Sequence[Row[Any]]:
    # In order of the primary key.
    return await tx.fetch(
        f"""
        select {_SHOWN} from communities where shop = :shop and community_id > :after
        order by community_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )


async def save_member(
    tx: Transaction, shop: str, community_id: str, customer: str, status: Status, by: str, at: datetime
) -> None:
    # The newest counts.
    await tx.execute(
        """
        insert into community_members (shop, community_id, customer, status, by, moved_at)
        values (:shop, :id, :customer, :status, :by, :at)
        on conflict (shop, community_id, customer) do update
        set status = excluded.status, by = excluded.by, moved_at = excluded.moved_at
        """,
        shop=shop,
        id=community_id,
        customer=customer,
        status=status,
        by=by,
        at=at,
    )


async def get_member(tx: Transaction, shop: str, community_id: str, customer: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        "select * from community_members where shop = :shop and community_id = :id and customer = :customer",
        shop=shop,
        id=community_id,
        customer=customer,
    )


async def list_members(
    tx: Transaction, shop: str, community_id: str, status: Status | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """By customer, with the tier that each holds now under the own identifier or the survivor's."""
    # In order of the primary key; the tier by that of customers.
    return await tx.fetch(
        f"""
        select m.*, coalesce(s.tier, c.tier) as tier
        from community_members m
        left join customers c on c.shop = m.shop and c.customer = m.customer
        left join customers s on s.shop = c.shop and s.customer = c.merged_into
        where m.shop = :shop and m.community_id = :id and m.customer > :after
        {"" if status is None else "and m.status = :status"} order by m.customer limit :limit
        """,
        shop=shop,
        id=community_id,
        after=after,
        limit=limit,
        **({} if status is None else {"status": status}),
    )


async def list_eligible(
    tx: Transaction, shop: str, community_id: str, tiers: Collection[str], after: str, limit: int
) -> Sequence[Row[Any]]:
    """Members of these tiers, by customer, with what the community knows of them under any identifier."""
    # By the index of the tier, sorted; who is in the community by the primary key.
    return await tx.fetch(
        """
        select c.customer, c.tier, coalesce(m.status, (
            select o.status from customers a join community_members o
              on o.shop = a.shop and o.community_id = :id and o.customer = a.customer
            where a.shop = c.shop and a.merged_into = c.customer order by o.moved_at desc limit 1
        )) as status
        from customers c left join community_members m
          on m.shop = c.shop and m.community_id = :id and m.customer = c.customer
        where c.shop = :shop and c.tier = any(:tiers) and c.enrolled_at is not null and c.customer > :after
        order by c.customer limit :limit
        """,
        shop=shop,
        id=community_id,
        tiers=sorted(tiers),
        after=after,
        limit=limit,
    )


async def remove(tx: Transaction, customers: Iterable[CustomerKey], at: datetime) -> None:
    """These customers are in no community any more."""
    # By the index of the customer.
    await tx.execute(
        f"""
        update community_members m set status = 'removed', moved_at = :at
        from {_CUSTOMERS} where m.shop = w.shop and m.customer = w.customer and m.status in ('invited', 'joined')
        """,
        at=at,
        **_CUSTOMERS.of(sorted(set(customers))),
    )
