"""Key figures by week: what anomalies are found in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def sum_by_week(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Rows week (its Monday), orders, priced (those in the currency), buyers, returning_buyers, net, complaints,
    low_reviews of [since, until), both of them Mondays; weeks without anything have zeros."""
    # Three periods by their indexes on days; the customers of the first by primary key.
    return await tx.fetch(
        """
        select w.week, coalesce(s.orders, 0) as orders, coalesce(s.priced, 0) as priced,
               coalesce(s.buyers, 0) as buyers, coalesce(s.returning_buyers, 0) as returning_buyers,
               coalesce(s.net, 0) as net,
               coalesce(c.complaints, 0) as complaints, coalesce(r.low_reviews, 0) as low_reviews
        from (
            select cast(day as date) as week
            from generate_series(cast(:since as date), cast(:until as date) - 7, interval '7 days') as day
        ) w
        left join (
            select cast(date_trunc('week', s.day) as date) as week, cast(sum(orders) as bigint) as orders,
                   cast(sum(orders) filter (where currency = :currency) as bigint) as priced,
                   count(distinct s.customer) as buyers,
                   count(distinct s.customer) filter (
                       where c.first_day < to_char(s.day, 'YYYY-MM-DD') collate "C"
                   ) as returning_buyers,
                   cast(sum(paid - refunded) filter (where currency = :currency) as bigint) as net
            from sales s join customers c on c.shop = s.shop and c.customer = s.customer
            where s.shop = :shop and s.day >= :since and s.day < :until and s.gone is null and s.orders > 0 group by 1
        ) s on s.week = w.week
        left join (
            select cast(date_trunc('week', day) as date) as week, count(*) as complaints from complaints
            where shop = :shop and day >= :since and day < :until and kind in ('complaint', 'quality', 'delivery')
            group by 1
        ) c on c.week = w.week
        left join (
            select cast(date_trunc('week', day) as date) as week, count(*) as low_reviews from reviews
            where shop = :shop and day >= :since and day < :until and stars <= 2 group by 1
        ) r on r.week = w.week
        order by w.week
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )


async def get_first_day(tx: Transaction, shop: str) -> date | None:
    """The day of the shop's first order; None before."""
    # The beginning of the index on days.
    row = await tx.fetch_one("select day from sales where shop = :shop order by day limit 1", shop=shop)
    return row.day if row is not None else None
