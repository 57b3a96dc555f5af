"""What customers of an age buy, and for how much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def sum_by_birth(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Rows born_from, customers, buyers (in [since, until)), orders, priced, net: of whom the years are known."""
    # One pass over the shop's profiles, the period by the index on days.
    return await tx.fetch(
        """
        select p.born_from, count(*) as customers, count(b.customer) as buyers,
               cast(coalesce(sum(b.orders), 0) as bigint) as orders,
               cast(coalesce(sum(b.priced), 0) as bigint) as priced, cast(coalesce(sum(b.net), 0) as bigint) as net
        from profiles_of_people p left join (
            select customer, sum(orders) as orders, sum(orders) filter (where currency = :currency) as priced,
                   sum(paid - refunded) filter (where currency = :currency) as net
            from sales where shop = :shop and day >= :since and day < :until and gone is null and orders > 0
            group by customer
        ) b on b.customer = p.customer
        where p.shop = :shop and p.born_from is not null group by p.born_from order by p.born_from desc
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )


async def list_preferred(tx: Transaction, shop: str, since: date, until: date, limit: int) -> Sequence[Row[Any]]:
    """Rows born_from, category, units: of each the `limit` categories of most units in [since, until), in order."""
    # Orders with their goods by primary key, of the period's customers.
    return await tx.fetch(
        """
        select born_from, category, units from (
            select p.born_from, l.value ->> 1 as category, cast(sum(cast(l.value ->> 3 as bigint)) as bigint) as units,
                   row_number() over (
                       partition by p.born_from order by sum(cast(l.value ->> 3 as bigint)) desc, l.value ->> 1
                   ) as place
            from profiles_of_people p
            join counted_orders o on o.shop = p.shop and o.customer = p.customer
            cross join lateral jsonb_array_elements(o.lines) l
            where p.shop = :shop and p.born_from is not null and o.shop = :shop and o.day >= :since and o.day < :until
              and l.value ->> 1 is not null
            group by p.born_from, l.value ->> 1
        ) counted where place <= :limit order by born_from desc, place
        """,
        shop=shop,
        since=since,
        until=until,
        limit=limit,
    )
