"""SQL of orders as they are shown: one order, and the totals of a shop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from common.storage.database import Transaction


async def get_order(tx: Transaction, shop: str, order_id: str) -> Any:
    """One order as it stands, with its refunds; None where the shop has none of that name."""
    # The order, and what was paid back of it.
    return await tx.fetch_one(
        """
        select o.customer, o.order_id, c.sequence, o.revision, o.state, o.currency, o.goods_paid, o.freight, o.at,
               o.paid_told_at, o.shipped_told_at, o.delivered_told_at, o.promised_by,
               cast(o.body as text) as body,
               coalesce((select sum(r.amount) from refunds r
                         where r.shop = o.shop and r.order_id = o.order_id and r.state = 'counted'), 0) as refunded
        from orders o left join completed_orders c on c.shop = o.shop and c.order_id = o.order_id
        where o.shop = :shop and o.order_id = :order_id and o.revision is not null
        """,
        shop=shop,
        order_id=order_id,
    )


async def list_refunds_of(tx: Transaction, shop: str, order_id: str) -> list[tuple[datetime, str]]:
    """The counted refunds of an order: when, and what each says as JSON. By the index of an order's refunds."""
    rows = await tx.fetch(
        "select at, said from refunds where shop = :shop and order_id = :order_id and state = 'counted'"
        " order by refund_id",
        shop=shop,
        order_id=order_id,
    )
    return [(row.at, row.said) for row in rows]


async def get_event_ids(tx: Transaction, shop: str, source: str, orders: Collection[str]) -> dict[str, str]:
    """Of these orders those whose newest version came from the source, with its event's id."""
    # By primary key.
    rows = await tx.fetch(
        """
        select order_id, event_id from orders
        where shop = :shop and order_id = any(cast(:orders as text[])) and source = :source
        """,
        shop=shop,
        orders=list(orders),
        source=source,
    )
    return {r.order_id: r.event_id for r in rows}


async def list_orders_of(tx: Transaction, shop: str, customer: str, before: str | None, limit: int) -> Sequence[Any]:
    """A customer's orders as they stand, newest first; `before`: those older than the order of this id."""
    # By the index of orders with a customer; one customer's orders are sorted at once.
    return await tx.fetch(
        """
        select o.order_id, c.sequence, o.state, o.at as time, o.currency, o.goods_paid, o.freight,
               coalesce((select sum(r.amount) from refunds r
                         where r.shop = o.shop and r.order_id = o.order_id and r.state = 'counted'), 0) as refunded
        from orders o left join completed_orders c on c.shop = o.shop and c.order_id = o.order_id
        where o.shop = :shop and o.customer = :customer and o.customer <> '' and o.revision is not null
          and (cast(:before as text) is null
               or (o.at, o.order_id) < (select b.at, b.order_id from orders b
                                        where b.shop = :shop and b.order_id = :before))
        order by o.at desc, o.order_id desc limit :limit
        """,
        shop=shop,
        customer=customer,
        before=before,
        limit=limit,
    )


async def count_orders(tx: Transaction, shop: str) -> Sequence[Any]:
    """Orders and what was paid (minor units), by currency and state."""
    # All of the shop's orders are counted.
    return await tx.fetch(
        """
        select currency, state, count(*) as orders, count(*) filter (where customer = '') as without_customer,
               sum(goods_paid) as goods_paid, sum(freight) as freight, min(at) as first, max(at) as last
        from orders where shop = :shop and revision is not null group by currency, state order by currency, state
        """,
        shop=shop,
    )


async def count_buyers(tx: Transaction, shop: str) -> int:
    """Customers who ordered."""
    # By the index of orders with a customer.
    count = await tx.value(
        """
        select count(distinct customer) from orders where shop = :shop and customer <> '' and revision is not null
        """,
        shop=shop,
    )
    return int(count)
