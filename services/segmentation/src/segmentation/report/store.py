"""Counts and sums of a shop: customers by attribute, buyers by number of orders, revenue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from common.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Buyers:
    """Counts of customers; `reached[n]` have n completed orders or more, n = 1 to 6 (T-3)."""

    reached: dict[int, int]
    members: int
    repurchasing_members: int


@dataclass(frozen=True, slots=True)
class Revenue:
    """Completed orders of one currency; amounts in minor units, refunds of completed orders alone."""

    currency: str
    orders: int
    paid: int
    refunded: int


async def count_by(tx: Transaction, shop: str) -> dict[str, dict[str, int]]:
    """Customers by stage, life cycle, RFM class, RFM group and lapse."""
    # One pass over the shop's customers for all of them.
    rows = await tx.fetch(
        """
        select stage, life_cycle, rfm_class, rfm_group, lapsed is not null as lapsed, count(*) as customers
        from customers where shop = :shop and state is not null
        group by stage, life_cycle, rfm_class, rfm_group, lapsed is not null
        """,
        shop=shop,
    )
    found: dict[str, dict[str, int]] = {"stage": {}, "lifecycle": {}, "rfm": {}, "rfm_group": {}, "lapsed": {}}
    for row in rows:
        values = (row.stage, row.life_cycle, row.rfm_class, row.rfm_group, "true" if row.lapsed else None)
        for kind, value in zip(found, values, strict=True):
            if value is not None:
                found[kind][value] = found[kind].get(value, 0) + row.customers
    return found


async def count_buyers(tx: Transaction, shop: str, since: date | None, until: date | None) -> Buyers:
    """Customers by number of completed orders with dates in [since, until); all time where a border is None."""
    counted, joined, borders = _ORDERS_ALL, "", dict[str, date]()
    if since is not None or until is not None:
        counted, joined = _ORDERS_WITHIN, _BOUGHT_WITHIN
        borders = {"since": since or date.min, "until": until or date.max}
    # Members who never bought count in their base, too.
    row = await tx.fetch_one(
        f"""
        select {", ".join(f"count(*) filter (where n >= {n}) as reached_{n}" for n in range(1, 7))},
               count(*) filter (where member) as members,
               count(*) filter (where member and n >= 2) as repurchasing_members
        from (
            select {counted} as n, m.customer is not null as member
            from (select shop, customer, completed_orders from customers where shop = :shop) c
            full join (
                select shop, customer from members t where shop = :shop
                  and not exists (select from people p where p.shop = t.shop and p.customer = t.customer
                                                         and p.person <> p.customer)
            ) m
                 on m.shop = c.shop and m.customer = c.customer
            {joined}
        ) as buyers
        """,
        shop=shop,
        **borders,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    reached = {n: int(getattr(row, f"reached_{n}")) for n in range(1, 7)}
    return Buyers(reached, row.members, row.repurchasing_members)


async def count_reasons(tx: Transaction, shop: str) -> dict[str, int]:
    """Customers by the churn reason that is recorded of them."""
    # One pass over the shop's customers.
    rows = await tx.fetch(
        """
        select churn_reason, count(*) as customers from customers
        where shop = :shop and churn_reason is not null group by churn_reason
        """,
        shop=shop,
    )
    return {row.churn_reason: row.customers for row in rows}


async def sum_revenue(tx: Transaction, shop: str) -> list[Revenue]:
    """Completed orders by currency, those without a customer included; an order's refunds never exceed it."""
    # Each completed order with what was refunded of it, then the sums.
    rows = await tx.fetch(_REVENUE, shop=shop)
    return [Revenue(row.currency, row.orders, int(row.paid), int(row.refunded)) for row in rows]


_ORDERS_ALL = "coalesce(c.completed_orders, 0)"
_ORDERS_WITHIN = "coalesce(o.orders, 0)"
_BOUGHT_WITHIN = """
left join (
    select customer, sum(orders) as orders from sales
    where shop = :shop and day >= :since and day < :until and gone is null group by customer
) o on o.customer = c.customer
"""
# Refunds that found no order are the customer's: they lessen the shop's revenue as well.
_REVENUE = """
with given_back as (
    select order_id, currency, sum(amount) as amount from anonymous_refunds where shop = :shop
    group by order_id, currency
),
sums as (
    select currency, orders, paid, refunded from sales where shop = :shop and gone is null
    union all
    select o.currency, 1, o.paid, least(o.paid, coalesce(r.amount, 0))
    from anonymous_orders o left join given_back r on r.order_id = o.order_id and r.currency = o.currency
    where o.shop = :shop and o.completed
    union all
    select currency, 0, 0, amount from given_back where order_id is null
)
select currency, sum(orders) as orders, sum(paid) as paid, sum(refunded) as refunded
from sums group by currency order by currency
"""
