"""Buyers and what they spent: by number of orders, by days to the next one, by tier, and the top of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from segmentation.kpis.rules import Waiting

_COUNTS = "gone is null and orders > 0"
# What each buyer of the period bought, by the index on days.
_BY_BUYER = f"""(
    select customer, sum(orders) as n, sum(orders) filter (where currency = :currency) as priced,
           sum(paid - refunded) filter (where currency = :currency) as net
    from sales where shop = :shop and day >= :since and day < :until and {_COUNTS} group by customer
)"""
_SUMS = """cast(coalesce(sum(n), 0) as bigint) as orders, cast(coalesce(sum(priced), 0) as bigint) as orders_priced,
       cast(coalesce(sum(net), 0) as bigint) as net"""


async def sum_period(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Row[Any]:
    """Row buyers, returning (with an order before the period or two within), repeating (two or more within),
    repeating_members (members of them), orders, orders_priced and net (of the currency), bought in [since, until)."""
    # What was bought before the period is a column of the customer.
    row = await tx.fetch_one(
        f"""
        select count(*) as buyers, count(*) filter (where n >= 2 or c.first_day < :first) as returning,
               count(*) filter (where n >= 2) as repeating,
               count(*) filter (where n >= 2 and exists (
                   select from members m where m.shop = :shop and m.customer = s.customer)) as repeating_members,
               {_SUMS}
        from {_BY_BUYER} s join customers c on c.shop = :shop and c.customer = s.customer
        """,
        shop=shop,
        since=since,
        until=until,
        first=since.isoformat(),
        currency=currency,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row


async def sum_spent(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Row[Any]:
    """Row buyers, repeating, orders, orders_priced and net of [since, until), as `sum_period` counts them."""
    # Customers are not asked: of a large shop they are most of the work.
    row = await tx.fetch_one(
        f"""
        select count(*) as buyers, count(*) filter (where n >= 2) as repeating,
               {_SUMS}
        from {_BY_BUYER} s
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row


async def sum_net(tx: Transaction, shop: str, since: date, until: date, currency: str) -> int:
    """Paid less refunded of completed orders in [since, until)."""
    # The period by the index on days.
    return int(
        await tx.value(
            f"""
            select coalesce(sum(paid - refunded), 0) from sales
            where shop = :shop and day >= :since and day < :until and currency = :currency and {_COUNTS}
            """,
            shop=shop,
            since=since,
            until=until,
            currency=currency,
        )
    )


async def count_members(tx: Transaction, shop: str) -> int:
    """Members; those of one person once."""
    # One pass over a narrow table.
    return int(
        await tx.value(
            """
            select count(*) from members t where shop = :shop and not exists (
                select from people p where p.shop = t.shop and p.customer = t.customer and p.person <> p.customer
            )
            """,
            shop=shop,
        )
    )


async def count_waiting(
    tx: Transaction, shop: str, since: date, until: date, today: date, days: int
) -> tuple[Waiting, dict[bool, int]]:
    """Customers whose first order fell in [since, until): by days to the second, or since the first without one.

    Beside it, of those whose first order is `days` ago or more: how many bought again within them, and how many not.
    """
    # One pass over the shop's customers; the second order of those who have one by primary key.
    rows = await tx.fetch(
        f"""
        select again, least(gap, :days + 1) as gap, :today - first >= :days as mature, count(*) as customers
        from (
            select first, second is not null as again, coalesce(second, cast(:today as date)) - first as gap
            from (
                select cast(c.first_day as date) as first, case when c.completed_orders > 1 then (
                    select day from (
                        select s.day, s.orders from sales s
                        where s.shop = c.shop and s.customer = c.customer and {_COUNTS} order by s.day offset 1 limit 1
                    ) later
                ) end as second
                from customers c
                where c.shop = :shop and c.first_day >= :first_since and c.first_day < :first_until
            ) firsts
        ) gaps
        group by 1, 2, 3
        """,
        shop=shop,
        first_since=since.isoformat(),
        first_until=until.isoformat(),
        today=today,
        days=days,
    )
    again, not_yet, mature = dict[int, int](), dict[int, int](), dict[bool, int]()
    for row in rows:
        counts = again if row.again else not_yet
        counts[row.gap] = counts.get(row.gap, 0) + row.customers
        if row.mature:
            within = row.again and row.gap <= days
            mature[within] = mature.get(within, 0) + row.customers
    return Waiting(again, not_yet), mature


async def list_top(
    tx: Transaction, shop: str, since: date, until: date, currency: str, limit: int
) -> Sequence[Row[Any]]:
    """Rows customer, net, orders, returning (an order before the period): who spent most in [since, until)."""
    # The period by the index on days.
    return await tx.fetch(
        f"""
        select s.customer, cast(s.net as bigint) as net, cast(s.orders as bigint) as orders,
               c.first_day < :first as returning
        from (
            select customer, sum(paid - refunded) as net, sum(orders) as orders from sales
            where shop = :shop and day >= :since and day < :until and currency = :currency and {_COUNTS}
            group by customer order by 2 desc, customer limit :limit
        ) s join customers c on c.shop = :shop and c.customer = s.customer
        order by s.net desc, s.customer
        """,
        shop=shop,
        since=since,
        until=until,
        first=since.isoformat(),
        currency=currency,
        limit=limit,
    )


async def sum_by_count(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Rows times (1 to 6, six and more), buyers, net: by number of orders in [since, until)."""
    # The period by the index on days.
    return await tx.fetch(
        f"""
        select cast(least(n, 6) as integer) as times, count(*) as buyers,
               cast(coalesce(sum(net), 0) as bigint) as net
        from (
            select customer, sum(orders) as n, sum(paid - refunded) filter (where currency = :currency) as net
            from sales where shop = :shop and day >= :since and day < :until and {_COUNTS} group by customer
        ) s group by 1 order by 1
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )


async def sum_by_tier(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Sequence[Row[Any]]:
    """Rows tier (None: no member), customers, buyers, net: bought in [since, until), by today's tiers."""
    # The period by the index on days, members by their table.
    return await tx.fetch(
        f"""
        select t.tier, count(t.customer) as customers, count(s.customer) as buyers,
               cast(coalesce(sum(s.net), 0) as bigint) as net
        from (
            select customer, tier from member_tiers t where shop = :shop
              and not exists (select from people p where p.shop = t.shop and p.customer = t.customer
                                                     and p.person <> p.customer)
        ) t full join (
            select customer, sum(paid - refunded) filter (where currency = :currency) as net
            from sales where shop = :shop and day >= :since and day < :until and {_COUNTS} group by customer
        ) s on s.customer = t.customer
        group by t.tier order by t.tier nulls last
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )


async def count_retained(tx: Transaction, shop: str, since: date, until: date, before: date) -> tuple[int, int]:
    """Customers who bought in [before, since), and how many of them in [since, until) as well."""
    # Both periods by the index on days.
    row = await tx.fetch_one(
        f"""
        select count(*) as base, count(n.customer) as retained
        from (select distinct customer from sales
              where shop = :shop and day >= :before and day < :since and {_COUNTS}) b
        left join (select distinct customer from sales
                   where shop = :shop and day >= :since and day < :until and {_COUNTS}) n using (customer)
        """,
        shop=shop,
        since=since,
        until=until,
        before=before,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row.base, row.retained
