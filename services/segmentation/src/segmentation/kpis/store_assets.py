"""What members are worth to the shop, how many and how good, and how much buyers stick to it."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction

STICKY = 5
"""Orders with which stickiness is formed (SEG-028)."""


async def sum_members(tx: Transaction, shop: str, since: date, until: date, currency: str) -> Row[Any]:
    """Row members, buyers, repurchasers, active, in_period, net, valued, value, grade_high: of all members today.

    `in_period` bought in [since, until), for `net`; `valued` have a lifetime value, `grade_high` one of grade 4 or 5.
    """
    # One pass over the members, customers and values by primary key, the period by the index on days.
    row = await tx.fetch_one(
        """
        select count(*) as members, count(*) filter (where c.completed_orders > 0) as buyers,
               count(*) filter (where c.completed_orders > 1) as repurchasers,
               count(*) filter (where c.life_cycle = 'active') as active, count(s.customer) as in_period,
               cast(coalesce(sum(s.net), 0) as bigint) as net, count(v.value) as valued,
               cast(coalesce(sum(v.value), 0) as bigint) as value, count(*) filter (where v.grade >= 4) as grade_high
        from member_tiers t join customers c on c.shop = t.shop and c.customer = t.customer
        left join customer_values v on v.shop = t.shop and v.customer = t.customer
        left join (
            select customer, sum(paid - refunded) filter (where currency = :currency) as net
            from sales where shop = :shop and day >= :since and day < :until and gone is null and orders > 0
            group by customer
        ) s on s.customer = t.customer
        where t.shop = :shop and not exists (
            select from people p where p.shop = t.shop and p.customer = t.customer and p.person <> p.customer
        )
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
    )
    return _one(row)


async def count_sticking(tx: Transaction, shop: str, since: date, until: date) -> Row[Any]:
    """Row buyers, again, sticky, seen, came_back: of who bought in [since, until).

    `again` ordered twice or more in it, `sticky` have five orders or more by now; of `seen` any activity in it is
    known, and `came_back` were active on two days or more.
    """
    # The period by the index on days, the customers and their activity by primary key.
    row = await tx.fetch_one(
        """
        select count(*) as buyers, count(*) filter (where b.n >= 2) as again,
               count(*) filter (where c.completed_orders >= :sticky) as sticky,
               count(*) filter (where v.days > 0) as seen, count(*) filter (where v.days > 1) as came_back
        from (
            select customer, sum(orders) as n from sales
            where shop = :shop and day >= :since and day < :until and gone is null and orders > 0 group by customer
        ) b join customers c on c.shop = :shop and c.customer = b.customer
        cross join lateral (
            select count(distinct day) as days from activity_of_people a
            where a.shop = :shop and a.customer = b.customer and a.day >= :since and a.day < :until
        ) v
        """,
        shop=shop,
        since=since,
        until=until,
        sticky=STICKY,
    )
    return _one(row)


def _one(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row
