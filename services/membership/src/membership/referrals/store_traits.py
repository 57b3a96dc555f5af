"""The rows of hashed traits of customers, which show one person behind several of them (SEC-014)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_TRAITS = Columns("w", shop="text", kind="text", hash="text")
Trait = tuple[str, str, str]
"""Shop, kind and hash."""
MOST = 200
"""So many customers of a trait are counted: twice what a rule may ask for, as some may be the two concerned."""


async def lock_traits(tx: Transaction, traits: Collection[Trait]) -> None:
    """Until the commit nobody else tells one of these traits. Before any customer is locked."""
    # Closes the race of two customers of whom the same trait is told at once, where neither would see the other's.
    await tx.fetch(
        f"""
        select pg_advisory_xact_lock(lock) from (
            select distinct hashtextextended('trait:' || w.shop || ':' || w.kind || ':' || w.hash, 0) as lock
            from {_TRAITS} order by 1
        ) as l
        """,
        **_TRAITS.of(sorted(traits)),
    )


async def add_traits(tx: Transaction, customer: str, traits: Collection[Trait], at: datetime) -> int:
    """Keep traits of a customer; how many are new. Idempotent."""
    # In order of the primary key.
    return await tx.execute(
        f"""
        insert into referral_traits (shop, kind, hash, customer, at)
        select shop, kind, hash, :customer, :at from {_TRAITS} order by shop, kind, hash on conflict do nothing
        """,
        customer=customer,
        at=at,
        **_TRAITS.of(sorted(traits)),
    )


async def traits_of(tx: Transaction, customers: Iterable[CustomerKey]) -> Sequence[Row[Any]]:
    # By the index of the customer.
    return await tx.fetch(
        f"""
        select t.shop, t.customer, t.kind, t.hash
        from {_CUSTOMERS} join referral_traits t on t.shop = w.shop and t.customer = w.customer
        """,
        **_CUSTOMERS.of(sorted(set(customers))),
    )


async def list_holders(tx: Transaction, traits: Collection[Trait]) -> Mapping[Trait, Sequence[str]]:
    """Who has each of these traits, up to MOST customers in order of name."""
    if not traits:
        return {}
    # By the primary key.
    rows = await tx.fetch(
        f"""
        select w.shop, w.kind, w.hash, array(
            select t.customer from referral_traits t where t.shop = w.shop and t.kind = w.kind and t.hash = w.hash
            order by t.customer limit :most) as customers
        from {_TRAITS}
        """,
        most=MOST,
        **_TRAITS.of(sorted(traits)),
    )
    return {(row.shop, row.kind, row.hash): row.customers for row in rows}


async def delete_traits(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    # By the index of the customer.
    await tx.execute(
        f"delete from referral_traits t using {_CUSTOMERS} where t.shop = w.shop and t.customer = w.customer",
        **_CUSTOMERS.of(sorted(set(customers))),
    )


async def list_shared(tx: Transaction, shop: str, least: int, after: tuple[str, str], limit: int) -> Sequence[Row[Any]]:
    """Traits that at least so many customers share, by kind and hash after `after`; `customers`: up to a hundred."""
    # In order of the primary key: it ends with the page, or after all traits of the shop where few are shared.
    return await tx.fetch(
        """
        select kind, hash, count(*) as accounts, (array_agg(customer order by customer))[1:100] as customers
        from referral_traits where shop = :shop and (kind, hash) > (:kind, :hash)
        group by kind, hash having count(*) >= :least order by kind, hash limit :limit
        """,
        shop=shop,
        kind=after[0],
        hash=after[1],
        least=least,
        limit=limit,
    )


async def standings_of(tx: Transaction, shop: str, customers: Collection[str]) -> Sequence[Row[Any]]:
    """Tier, orders that count, points of check-ins, own coupons that were used, and friends brought, by customer."""
    # By the primary key of customers, and by the indexes of coupons and referrals.
    return await tx.fetch(
        """
        select c.customer, c.tier, coalesce(cast(c.state -> 'orders' ->> 'counting' as bigint), 0) as orders,
               coalesce(cast(c.state -> 'check_in' ->> 'points' as bigint), 0) as check_in_points,
               (select count(*) from coupons k where k.shop = c.shop and k.customer = c.customer and k.uses > 0)
               as coupons_used,
               (select count(*) from referrals r where r.shop = c.shop and r.referrer = c.customer) as brought
        from customers c where c.shop = :shop and c.customer = any(:customers)
        """,
        shop=shop,
        customers=sorted(set(customers)),
    )
