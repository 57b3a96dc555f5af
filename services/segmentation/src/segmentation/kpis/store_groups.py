"""Buyers and what they spent by group: tier, segment, source of the profile; of orders the platform, or the way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from sqlalchemy import Row

from common.storage.database import Transaction

By = Literal["tier", "segment", "source", "platform", "way"]
OF_ORDERS: Mapping[By, str] = {"platform": "platform", "way": "entry_path"}
"""Groups of orders, and the column of `order_facts` of each; a customer may be in several by their orders."""

_PERIOD = "shop = :shop and day >= :before and day < :until and gone is null and orders > 0"
_SUMS = """
    cast(coalesce(sum(s.orders) filter (where s.day >= :since), 0) as bigint) as n,
    cast(coalesce(sum(s.orders) filter (where s.day >= :since and s.currency = :currency), 0) as bigint) as priced,
    cast(coalesce(sum(s.paid - s.refunded) filter (where s.day >= :since and s.currency = :currency), 0) as bigint)
        as net,
    bool_or(s.day < :since) as before
"""
# Members of each group, who may be in several; a group that nobody is in is none.
_MEMBERS: Mapping[By, str] = {
    "tier": """
        select t.customer, t.tier_id as id, t.tier as name from member_tiers t
        where t.shop = :shop and not exists (
            select from people p where p.shop = t.shop and p.customer = t.customer and p.person <> p.customer
        )
    """,
    "segment": """
        select t.customer, t.segment as id, d.body ->> 'name' as name from segment_stays t join (
            select distinct on (segment) segment, body from segment_definitions
            where shop = :shop order by segment, version desc
        ) d using (segment)
        where t.shop = :shop and t.left_at is null
    """,
    "source": """
        select customer, source as id, source as name from profiles_of_people where shop = :shop and source <> ''
    """,
}
# Rows id, name, member (null: in no group), n, priced, net, before, total: a customer's in each group. Buyers by the
# index on days.
_OF_CUSTOMERS = f"""
    select m.id, m.name, m.customer as member, b.customer, b.n, b.priced, b.net, b.before, b.n as total
    from ({{members}}) m
    full join (select customer, {_SUMS} from sales s where {_PERIOD} group by customer) b on b.customer = m.customer
"""
# The same of orders; names that differ by capitals alone are one. How orders were bought by primary key.
_OF_ORDERS = f"""
    select id, name, null as member, customer, n, priced, net, before,
           sum(n) over (partition by customer) as total
    from (
        select lower(coalesce(f.{{column}}, a.{{column}})) as id, max(coalesce(f.{{column}}, a.{{column}})) as name,
               s.customer, {_SUMS}
        from (select * from sales where {_PERIOD}) s
        left join order_facts f on f.shop = s.shop and f.customer = s.customer and s.name = 'order/' || f.order_id
        left join absorbed_order_facts a
        on a.shop = s.shop and a.customer = s.customer and s.name = 'order/' || a.order_id
        group by 1, s.customer
    ) o
"""


async def sum_by_group(
    tx: Transaction, shop: str, by: By, since: date, until: date, before: date, currency: str, limit: int
) -> Sequence[Row[Any]]:
    """Rows id (None: those in no group), name, customers (0 of groups of orders), buyers, repeating, returning, orders,
    priced, net, base, retained, whose meanings are those of `sum_period` and `count_retained`; who spent most first,
    None last."""
    of_orders = OF_ORDERS.get(by)
    rows = _OF_ORDERS.format(column=of_orders) if of_orders else _OF_CUSTOMERS.format(members=_MEMBERS[by])
    return await tx.fetch(
        f"""
        select r.id, max(r.name) as name, count(r.member) as customers,
               count(*) filter (where r.n > 0) as buyers,
               count(*) filter (where r.n > 0 and r.total >= 2) as repeating,
               count(*) filter (where r.n > 0 and (r.total >= 2 or c.first_day < :first)) as returning,
               cast(coalesce(sum(r.n), 0) as bigint) as orders,
               cast(coalesce(sum(r.priced), 0) as bigint) as priced, cast(coalesce(sum(r.net), 0) as bigint) as net,
               count(*) filter (where r.before) as base,
               count(*) filter (where r.before and r.total > 0) as retained
        from ({rows}) r
        left join (select customer, first_day from customers where shop = :shop and first_day < :first) c
        on c.customer = r.customer
        group by r.id order by r.id is null, net desc, r.id limit :limit
        """,
        shop=shop,
        since=since,
        until=until,
        before=before,
        first=since.isoformat(),
        currency=currency,
        limit=limit,
    )
