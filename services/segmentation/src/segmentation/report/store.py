"""How are members and the shop's totals kept, and what do they add up to?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from common.events import Event
from common.events.membership import MemberEnrolled
from common.events.orders import OrderClaimed, OrderClosed, OrderCompleted, OrderRefunded
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


async def insert_members(tx: Transaction, events: Sequence[Event[MemberEnrolled]]) -> None:
    """Remember who is a member; a second word on the same customer changes only the date."""
    newest = {event.customer: event for event in events}
    told = Counter(event.customer for event in events)
    # All at once, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        """
        insert into members as m (shop, customer, enrolled_at, told)
        select shop, customer, enrolled_at, told
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:times as timestamptz[]),
                    cast(:told as integer[]))
             as e(shop, customer, enrolled_at, told)
        on conflict (shop, customer) do update
        set enrolled_at = excluded.enrolled_at, told = m.told + excluded.told
        """,
        shops=[key[0] for key in sorted(newest)],
        customers=[key[1] for key in sorted(newest)],
        times=[newest[key].data.enrolled_at for key in sorted(newest)],
        told=[told[key] for key in sorted(newest)],
    )


async def compare_members(tx: Transaction) -> list[str]:
    """Where the members are not as many as membership's announcements that counted; one line a shop."""
    # Segmentation takes nothing of membership but enrolments.
    rows = await tx.fetch(
        """
        select shop, coalesce(c.claims, 0) as claims, coalesce(m.told, 0) as told
        from (select shop, count(*) as claims from inbox
              where source = '/shops/' || shop || '/membership' group by shop) c
        full join (select shop, sum(told) as told from members group by shop) m using (shop)
        where coalesce(c.claims, 0) <> coalesce(m.told, 0) order by shop
        """
    )
    return [f"{row.shop}: membership announced {row.claims} enrolments, the members come to {row.told}" for row in rows]


async def save_anonymous(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Count orders and refunds that concern no customer; of an order the highest revision stays, then the latest."""
    orders: dict[tuple[str, str], Event[Any]] = {}
    refunds: dict[tuple[str, str], Event[Any]] = {}
    claimed: dict[tuple[str, str], Event[Any]] = {}
    for event in events:
        if isinstance(event.data, OrderCompleted | OrderClosed):
            key = event.shop, event.data.order_id
            known = orders.get(key)
            if known is None or (known.data.revision, known.order_key) <= (event.data.revision, event.order_key):
                orders[key] = event
        elif isinstance(event.data, OrderClaimed):
            claimed[event.shop, event.data.order_id] = event
        elif isinstance(event.data, OrderRefunded):
            refunds[event.shop, event.data.refund_id] = event
    chosen = [orders[key] for key in sorted(orders)]
    # The orders as they stand, one row each.
    await tx.execute(
        _SAVE_ORDERS,
        shops=[e.shop for e in chosen],
        ids=[e.data.order_id for e in chosen],
        times=[e.time for e in chosen],
        completed=[isinstance(e.data, OrderCompleted) for e in chosen],
        paid=[e.data.goods_paid for e in chosen],
        currencies=[e.data.currency for e in chosen],
        revisions=[e.data.revision for e in chosen],
    )
    given_back = [refunds[key] for key in sorted(refunds)]
    # The refunds, each once.
    await tx.execute(
        _INSERT_REFUNDS,
        shops=[e.shop for e in given_back],
        ids=[e.data.refund_id for e in given_back],
        orders=[e.data.order_id for e in given_back],
        amounts=[e.data.amount for e in given_back],
        currencies=[e.data.currency for e in given_back],
    )
    # Orders that turned out to be somebody's: counted with the customer, here no more, whatever still comes.
    await tx.execute(
        _CLAIM_ORDERS,
        shops=[key[0] for key in sorted(claimed)],
        ids=[key[1] for key in sorted(claimed)],
        times=[claimed[key].time for key in sorted(claimed)],
    )


async def count_by(tx: Transaction, shop: str) -> dict[str, dict[str, int]]:
    """Customers by stage, life cycle, RFM class and lapse."""
    # One pass over the shop's customers for all four.
    rows = await tx.fetch(
        """
        select stage, life_cycle, rfm_class, lapsed is not null as lapsed, count(*) as customers
        from customers where shop = :shop and state is not null
        group by stage, life_cycle, rfm_class, lapsed is not null
        """,
        shop=shop,
    )
    found: dict[str, dict[str, int]] = {"stage": {}, "lifecycle": {}, "rfm": {}, "lapsed": {}}
    for row in rows:
        values = (row.stage, row.life_cycle, row.rfm_class, "true" if row.lapsed else None)
        for kind, value in zip(found, values, strict=True):
            if value is not None:
                found[kind][value] = found[kind].get(value, 0) + row.customers
    return found


async def count_buyers(tx: Transaction, shop: str, since: date | None, until: date | None) -> Buyers:
    """Customers by number of completed orders with dates in [since, until); all time where a border is None."""
    counted = _ORDERS_ALL if since is None and until is None else _ORDERS_WITHIN
    borders = {} if since is None and until is None else {"since": since or date.min, "until": until or date.max}
    # Members who never bought count in their base, too.
    row = await tx.fetch_one(
        f"""
        select {", ".join(f"count(*) filter (where n >= {n}) as reached_{n}" for n in range(1, 7))},
               count(*) filter (where member) as members,
               count(*) filter (where member and n >= 2) as repurchasing_members
        from (
            select {counted} as n, m.customer is not null as member
            from (select shop, customer, state, completed_orders from customers where shop = :shop) c
            full join (select shop, customer from members where shop = :shop) m
                 on m.shop = c.shop and m.customer = c.customer
        ) as buyers
        """,
        shop=shop,
        **borders,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    reached = {n: int(getattr(row, f"reached_{n}")) for n in range(1, 7)}
    return Buyers(reached, row.members, row.repurchasing_members)


async def sum_revenue(tx: Transaction, shop: str) -> list[Revenue]:
    """Completed orders by currency, those without a customer included; an order's refunds never exceed it."""
    # Each completed order with what was refunded of it, then the sums.
    rows = await tx.fetch(_REVENUE, shop=shop)
    return [Revenue(row.currency, row.orders, int(row.paid), int(row.refunded)) for row in rows]


_ORDERS_ALL = "coalesce(c.completed_orders, 0)"
_ORDERS_WITHIN = """(
    select count(*) from jsonb_array_elements(c.state -> 'orders') as o(item)
    where cast(o.item ->> 2 as date) >= :since and cast(o.item ->> 2 as date) < :until and o.item ->> 5 is null
)"""
_SAVE_ORDERS = """
insert into anonymous_orders as kept (shop, order_id, at, completed, paid, currency, revision)
select * from unnest(cast(:shops as text[]), cast(:ids as text[]), cast(:times as timestamptz[]),
                     cast(:completed as boolean[]), cast(:paid as bigint[]), cast(:currencies as text[]),
                     cast(:revisions as bigint[]))
on conflict (shop, order_id) do update
    set at = excluded.at, completed = excluded.completed, paid = excluded.paid, currency = excluded.currency,
        revision = excluded.revision
    where (kept.revision, kept.at) <= (excluded.revision, excluded.at)
"""
_CLAIM_ORDERS = """
insert into anonymous_orders (shop, order_id, at, completed, paid, currency, revision)
select shop, order_id, at, false, 0, '', 9223372036854775807
from unnest(cast(:shops as text[]), cast(:ids as text[]), cast(:times as timestamptz[])) as w(shop, order_id, at)
on conflict (shop, order_id) do update
    set at = excluded.at, completed = false, paid = 0, currency = '', revision = excluded.revision
"""
_INSERT_REFUNDS = """
insert into anonymous_refunds (shop, refund_id, order_id, amount, currency)
select * from unnest(cast(:shops as text[]), cast(:ids as text[]), cast(:orders as text[]),
                     cast(:amounts as bigint[]), cast(:currencies as text[]))
on conflict (shop, refund_id) do nothing
"""
# Refunds that found no order are the customer's: they lessen the shop's revenue as well.
_REVENUE = """
with completed as (
    select c.customer, o.item ->> 0 as order_id, cast(o.item ->> 3 as bigint) as paid, o.item ->> 4 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'orders') as o(item)
    where c.shop = :shop and o.item ->> 2 is not null and o.item ->> 5 is null
    union all
    select null, order_id, paid, currency from anonymous_orders where shop = :shop and completed
),
given_back as (
    select c.customer, r.item ->> 1 as order_id, cast(r.item ->> 4 as bigint) as amount, r.item ->> 5 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'refunds') as r(item)
    where c.shop = :shop
    union all
    select null, order_id, amount, currency from anonymous_refunds where shop = :shop
),
by_order as (
    select customer, order_id, currency, sum(amount) as amount from given_back where order_id is not null
    group by customer, order_id, currency
),
sums as (
    select o.currency, 1 as orders, o.paid, least(o.paid, coalesce(r.amount, 0)) as refunded
    from completed o left join by_order r
         on r.customer is not distinct from o.customer and r.order_id = o.order_id and r.currency = o.currency
    union all
    select currency, 0, 0, amount from given_back where order_id is null
)
select currency, sum(orders) as orders, sum(paid) as paid, sum(refunded) as refunded
from sums group by currency order by currency
"""
