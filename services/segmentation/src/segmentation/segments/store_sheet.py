"""The sheet of a group: what its customers are like beside all of the shop's, and how they answered so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction

_INSIDE = "select customer from segment_stays where shop = :shop and segment = :segment and left_at is null"


async def count_traits(tx: Transaction, shop: str, segment: str) -> Sequence[Row[Any]]:
    """Rows trait, value, inside, everybody: customers of the group and of the shop, by value of each trait."""
    # One pass over the shop's customers, grouped by each trait.
    return await tx.fetch(
        f"""
        select case when grouping(stage) = 0 then 'stage' when grouping(life_cycle) = 0 then 'life_cycle'
                    when grouping(rfm_class) = 0 then 'rfm_class' when grouping(churn_risk) = 0 then 'churn_risk'
                    else 'tier' end as trait,
               coalesce(stage, life_cycle, rfm_class, churn_risk, tier) as value,
               count(inside) as inside, count(*) as everybody
        from (
            select c.stage, c.life_cycle, c.rfm_class, c.churn_risk, t.tier, s.customer as inside
            from customers c left join member_tiers t on t.shop = c.shop and t.customer = c.customer
            left join ({_INSIDE}) s on s.customer = c.customer
            where c.shop = :shop and c.state is not null
        ) traits
        group by grouping sets (stage, life_cycle, rfm_class, churn_risk, tier)
        having coalesce(stage, life_cycle, rfm_class, churn_risk, tier) is not null order by 1, 2
        """,
        shop=shop,
        segment=segment,
    )


async def sum_bought(tx: Transaction, shop: str, segment: str, since: date, currency: str) -> Sequence[Row[Any]]:
    """Two rows inside (true, false), buyers, orders, net: bought since that day by the group, and by all others."""
    # By the index on days, once.
    return await tx.fetch(
        f"""
        select i.customer is not null as inside, count(distinct s.customer) as buyers,
               cast(sum(s.orders) filter (where s.currency = :currency) as bigint) as orders,
               cast(coalesce(sum(s.paid - s.refunded) filter (where s.currency = :currency), 0) as bigint) as net
        from sales s left join ({_INSIDE}) i on i.customer = s.customer
        where s.shop = :shop and s.day >= :since and s.gone is null group by 1
        """,
        shop=shop,
        segment=segment,
        since=since,
        currency=currency,
    )


async def count_customers(tx: Transaction, shop: str) -> int:
    """Customers of whom anything was folded."""
    # One pass over the shop's customers.
    return int(await tx.value("select count(*) from customers where shop = :shop and state is not null", shop=shop))


async def count_tags_inside(tx: Transaction, shop: str, segment: str, limit: int) -> Sequence[Row[Any]]:
    """Rows tag, customers: the tags that most of the group bear, under whichever of a person's identifiers."""
    # Tags by primary key of each of the group, and those of everybody who was merged.
    return await tx.fetch(
        f"""
        select t.tag, count(*) as customers
        from ({_INSIDE}) i join borne_tags t on t.shop = :shop and t.customer = i.customer
        group by t.tag order by count(*) desc, t.tag limit :limit
        """,
        shop=shop,
        segment=segment,
        limit=limit,
    )


async def count_answers(
    tx: Transaction, shop: str, segment: str, since: datetime, until: datetime, days: int, zone: str
) -> tuple[int, int]:
    """Of the stays that began in [since, until): how many, and how many customers bought within so many days of it.

    What an absorbed customer bought is the survivor's, though the stay stays under the identifier.
    """
    # By the index on entering; persons and orders by primary key.
    row = await tx.fetch_one(
        """
        select count(*) as stays, count(*) filter (where exists (
            select from sales b where b.shop = s.shop and b.customer = coalesce(p.person, s.customer)
              and b.gone is null and b.orders > 0
              and b.day > cast(s.entered_at at time zone :zone as date)
              and b.day <= cast(s.entered_at at time zone :zone as date) + cast(:days as integer)
        )) as bought
        from segment_stays s left join people p on p.shop = s.shop and p.customer = s.customer
        where s.shop = :shop and s.segment = :segment and s.entered_at >= :since and s.entered_at < :until
        """,
        shop=shop,
        segment=segment,
        since=since,
        until=until,
        days=days,
        zone=zone,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row.stays, row.bought
