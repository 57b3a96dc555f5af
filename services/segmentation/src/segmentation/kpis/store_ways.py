"""By which ways orders come, what is new in them, and in which season categories sell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def sum_by_way(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Rows way, orders, priced, net, measured, decision_seconds (their sum): of [since, until), by how they came."""
    # Orders by the index on days of `sales`, how they were bought by primary key.
    return await tx.fetch(
        """
        select coalesce(f.entry_path, a.entry_path) as way, count(*) as orders,
               count(*) filter (where s.currency = :currency) as priced,
               cast(coalesce(sum(s.paid - s.refunded) filter (where s.currency = :currency), 0) as bigint) as net,
               count(coalesce(f.decision_seconds, a.decision_seconds)) as measured,
               cast(coalesce(sum(coalesce(f.decision_seconds, a.decision_seconds)), 0) as bigint) as decision_seconds
        from sales s
        left join order_facts f on f.shop = s.shop and f.customer = s.customer and s.name = 'order/' || f.order_id
        left join absorbed_order_facts a
        on a.shop = s.shop and a.customer = s.customer and s.name = 'order/' || a.order_id
        where s.shop = :shop and s.day >= :since and s.day < :until and s.gone is null and s.orders > 0
        group by 1 order by 2 desc, 1
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )


async def count_new_to_returning(
    tx: Transaction, shop: str, since: date, until: date, limit: int
) -> Sequence[Row[Any]]:
    """Rows category (None: all together), buyers, expanding, new_buyers: customers who had bought before the period.

    `buyers` bought goods of a known category in [since, until), `expanding` such as they had never bought before,
    `new_buyers` goods that are marked new. Of the categories those with most who expand into them.
    """
    # The period's returning buyers by the index on days, all their orders by primary key.
    return await tx.fetch(
        """
        with lines as (
            select o.customer, o.day, l.value ->> 1 as category, coalesce(l.value ->> 5 = 'new', false) as marked
            from (
                select distinct s.customer from sales s join customers c on c.shop = s.shop and c.customer = s.customer
                where s.shop = :shop and s.day >= :since and s.day < :until and s.gone is null and s.orders > 0
                  and c.first_day < :first
            ) b
            join counted_orders o on o.shop = :shop and o.customer = b.customer
            cross join lateral jsonb_array_elements(o.lines) l
            where o.day < :until and l.value ->> 1 is not null
        ), taken as (
            select customer, category, bool_or(day < :since) as before, bool_or(day >= :since) as within,
                   bool_or(day >= :since and marked) as marked
            from lines group by customer, category
        )
        select * from (
            select category, count(distinct customer) as buyers,
                   count(distinct customer) filter (where not before) as expanding,
                   count(distinct customer) filter (where marked) as new_buyers
            from taken where within group by grouping sets ((), (category))
        ) counted
        order by category is not null, expanding desc, buyers desc, category limit :limit
        """,
        shop=shop,
        since=since,
        until=until,
        first=since.isoformat(),
        limit=limit + 1,
    )


async def sum_by_season(tx: Transaction, shop: str, since: date, until: date, limit: int) -> Sequence[Row[Any]]:
    """Rows category, quarter (1 to 4), units: of [since, until), the categories of most units."""
    # Orders by the index on days of `sales`, their lines by primary key.
    return await tx.fetch(
        """
        with sold as (
            select l.value ->> 1 as category, cast(extract(quarter from s.day) as integer) as quarter,
                   cast(sum(cast(l.value ->> 3 as bigint)) as bigint) as units
            from sales s
            left join order_facts f on f.shop = s.shop and f.customer = s.customer and s.name = 'order/' || f.order_id
            left join absorbed_order_facts a
            on a.shop = s.shop and a.customer = s.customer and s.name = 'order/' || a.order_id
            cross join lateral jsonb_array_elements(coalesce(f.lines, a.lines)) l
            where s.shop = :shop and s.day >= :since and s.day < :until and s.gone is null and s.orders > 0
              and l.value ->> 1 is not null
            group by 1, 2
        )
        select category, quarter, units from sold where category in (
            select category from sold group by category order by sum(units) desc, category limit :limit
        ) order by sum(units) over (partition by category) desc, category, quarter
        """,
        shop=shop,
        since=since,
        until=until,
        limit=limit,
    )
