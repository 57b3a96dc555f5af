"""New buyers by how they came, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def sum_by_source(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Rows referred, source (of the profile, None: not known), customers, orders, repeating, net: of those whose first
    order is in [since, until), with all they bought since then; the referred first, then those of most customers."""
    # One pass over the shop's customers, states are not read; referral, profile and orders by primary key.
    return await tx.fetch(
        """
        select referred, source, count(*) as customers, cast(sum(n) as bigint) as orders,
               count(*) filter (where n >= 2) as repeating, cast(coalesce(sum(net), 0) as bigint) as net
        from (
            select exists (
                       select from referrals r where r.shop = c.shop and (r.customer = c.customer or r.customer in (
                           select p.customer from people p where p.shop = c.shop and p.person = c.customer
                       ))
                   ) as referred,
                   (
                       select source from profiles_of_people p where p.shop = c.shop and p.customer = c.customer
                   ) as source,
                   b.n, b.net
            from customers c cross join lateral (
                select sum(orders) as n, sum(paid - refunded) filter (where currency = :currency) as net
                from sales s where s.shop = c.shop and s.customer = c.customer and s.gone is null and s.orders > 0
            ) b
            where c.shop = :shop and c.first_day >= :since and c.first_day < :until
        ) came
        group by referred, source order by referred desc, customers desc, source nulls last
        """,
        shop=shop,
        since=since.isoformat(),
        until=until.isoformat(),
        currency=currency,
    )


async def list_referrers(tx: Transaction, shop: str, since: date, until: date, limit: int) -> Sequence[Row[Any]]:
    """Rows customer, brought (customers whose first order is in [since, until)): who brought most of them."""
    # As above; persons by primary key.
    return await tx.fetch(
        """
        select coalesce(w.person, r.referrer) as customer, count(distinct c.customer) as brought
        from referrals r
        left join people p on p.shop = r.shop and p.customer = r.customer
        left join people w on w.shop = r.shop and w.customer = r.referrer
        join customers c on c.shop = r.shop and c.customer = coalesce(p.person, r.customer)
        where r.shop = :shop and c.first_day >= :since and c.first_day < :until
        group by 1 order by brought desc, customer limit :limit
        """,
        shop=shop,
        since=since.isoformat(),
        until=until.isoformat(),
        limit=limit,
    )
