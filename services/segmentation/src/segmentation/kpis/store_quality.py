"""How new and returning customers buy and judge, when they buy, who they are, and how complaints are handled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def compare_orders(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Two rows returning (true: not the customer's first day of buying): orders of [since, until) and their sums."""
    # Orders by the index on days of `sales`, their facts and the customer by primary key.
    return await tx.fetch(
        """
        select c.first_day < to_char(s.day, 'YYYY-MM-DD') collate "C" as returning, count(*) as orders,
               count(distinct s.customer) as buyers,
               count(*) filter (where s.currency = :currency) as priced,
               cast(coalesce(sum(s.paid - s.refunded) filter (where s.currency = :currency), 0) as bigint) as net,
               count(*) filter (where s.refunded > 0) as refunded,
               count(coalesce(f.revision, a.revision)) as described,
               cast(coalesce(sum(coalesce(f.units, a.units)), 0) as bigint) as units,
               count(*) filter (where coalesce(f.promoted, a.promoted)) as promoted,
               count(coalesce(f.silent, a.silent)) as measured,
               count(*) filter (where coalesce(f.silent, a.silent)) as silent,
               cast(avg(coalesce(f.decision_seconds, a.decision_seconds)) as bigint) as decision_seconds
        from sales s join customers c on c.shop = s.shop and c.customer = s.customer
        left join order_facts f on f.shop = s.shop and f.customer = s.customer and s.name = 'order/' || f.order_id
        left join absorbed_order_facts a
        on a.shop = s.shop and a.customer = s.customer and s.name = 'order/' || a.order_id
        where s.shop = :shop and s.day >= :since and s.day < :until and s.orders > 0
              and (s.gone is null or s.refunded > 0)
        group by 1 order by 1
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )


async def compare_reviews(tx: Transaction, shop: str, since: date, until: date) -> Sequence[Row[Any]]:
    """Two rows returning: reviews of [since, until) by customers with two orders or more, and by the others."""
    # The period by the index on days.
    return await tx.fetch(
        """
        select c.completed_orders > 1 as returning, count(*) as reviews, count(r.stars) as rated,
               avg(r.stars) as stars, count(*) filter (where r.stars >= 4) as positive,
               count(*) filter (where r.photos > 0) as photos
        from reviews r left join people p on p.shop = r.shop and p.customer = r.customer
        join customers c on c.shop = r.shop and c.customer = coalesce(p.person, r.customer)
        where r.shop = :shop and r.day >= :since and r.day < :until group by 1 order by 1
        """,
        shop=shop,
        since=since,
        until=until,
    )


async def sum_complaints(tx: Transaction, shop: str, since: date, until: date, in_time_s: int) -> Row[Any]:
    """Row opened, answered, in_time, resolved, answer_seconds, resolve_seconds (medians), rated, rating (mean)."""
    # The period by the index on days.
    row = await tx.fetch_one(
        """
        select count(*) as opened, count(answered_at) as answered, count(resolved_at) as resolved,
               count(*) filter (where extract(epoch from answered_at - opened_at) <= :in_time_s) as in_time,
               percentile_disc(0.5) within group (order by cast(extract(epoch from answered_at - opened_at) as bigint))
                   as answer_seconds,
               percentile_disc(0.5) within group (order by cast(extract(epoch from resolved_at - opened_at) as bigint))
                   as resolve_seconds,
               count(rating) as rated, avg(rating) as rating
        from complaints where shop = :shop and day >= :since and day < :until
        """,
        shop=shop,
        since=since,
        until=until,
        in_time_s=in_time_s,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row


async def count_times(tx: Transaction, shop: str, since: date, until: date) -> Sequence[Row[Any]]:
    """Rows weekday (1 = Monday), hour (None: not known), orders of [since, until), by when they were placed."""
    # Orders by the index on days, their facts by primary key.
    return await tx.fetch(
        """
        select cast(extract(isodow from coalesce(f.day, a.day, s.day)) as integer) as weekday,
               coalesce(f.hour, a.hour) as hour, count(*) as orders
        from sales s left join order_facts f
        on f.shop = s.shop and f.customer = s.customer and s.name = 'order/' || f.order_id
        left join absorbed_order_facts a
        on a.shop = s.shop and a.customer = s.customer and s.name = 'order/' || a.order_id
        where s.shop = :shop and s.day >= :since and s.day < :until and s.gone is null and s.orders > 0
        group by 1, 2 order by 1, 2
        """,
        shop=shop,
        since=since,
        until=until,
    )


async def count_profiles(tx: Transaction, shop: str, limit: int) -> Sequence[Row[Any]]:
    """Rows trait, value, customers, bought (with a completed order): gender, city level, region; the most frequent."""
    # One pass over the shop's profiles.
    return await tx.fetch(
        """
        select trait, value, customers, bought from (
            select trait, value, customers, bought,
                   row_number() over (partition by trait order by customers desc, value) as place
            from (
                select case when grouping(gender) = 0 then 'gender' when grouping(city_level) = 0 then 'city_level'
                            else 'region' end as trait,
                       coalesce(gender, city_level, region) as value, count(*) as customers,
                       count(*) filter (where c.completed_orders > 0) as bought
                from profiles_of_people p join customers c on c.shop = p.shop and c.customer = p.customer
                where p.shop = :shop
                group by grouping sets (gender, city_level, region)
                having coalesce(gender, city_level, region) is not null
            ) counted
        ) ranked where place <= :limit order by trait, place
        """,
        shop=shop,
        limit=limit,
    )
