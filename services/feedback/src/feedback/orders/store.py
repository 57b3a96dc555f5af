"""Versions and refunds of orders, and the completed orders that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.events import CustomerKey
from common.events.orders import OrderEvent, OrderRefunded
from common.storage.database import Transaction
from feedback.orders.rules import CompletedOrder, OrderInput, OrderKey, essence

_INPUT = "shop, customer, order_id, cause, at, rank, correlation_id, refund, body"


async def insert_inputs(tx: Transaction, inputs: Sequence[OrderInput]) -> None:
    """Keep what was told of orders, without personal data. Idempotent."""
    # What is known already stays as it is.
    await tx.execute(
        """
        insert into order_inputs (shop, customer, order_id, cause, at, rank, correlation_id, refund, body)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:orders as text[]),
                             cast(:causes as text[]), cast(:times as timestamptz[]), cast(:ranks as smallint[]),
                             cast(:correlations as text[]), cast(:refunds as boolean[]), cast(:bodies as jsonb[]))
        on conflict do nothing
        """,
        shops=[i.shop for i in inputs],
        customers=[i.customer for i in inputs],
        orders=[i.order_id for i in inputs],
        causes=[i.cause for i in inputs],
        times=[i.at for i in inputs],
        ranks=[i.rank for i in inputs],
        correlations=[i.correlation_id for i in inputs],
        refunds=[isinstance(i.body, OrderRefunded) for i in inputs],
        bodies=[orjson.dumps(essence(i.body)).decode() for i in inputs],
    )


async def get_inputs(tx: Transaction, orders: Collection[OrderKey]) -> list[OrderInput]:
    """All inputs of these orders; their customers are locked."""
    wanted = sorted(orders)
    rows = await tx.fetch(
        f"""
        select {_INPUT}
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:orders as text[]))
            as w(shop, customer, order_id)
        join order_inputs using (shop, customer, order_id)
        """,
        shops=[shop for shop, _, _ in wanted],
        customers=[customer for _, customer, _ in wanted],
        orders=[order_id for _, _, order_id in wanted],
    )
    return [input_of(row) for row in rows]


async def list_customers_since(
    tx: Transaction, shop: str, since: datetime, after: str, limit: int
) -> list[CustomerKey]:
    """The next customers, in order of id, with an order that was completed at `since` or later."""
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        """
        select distinct customer from completed_orders
        where shop = :shop and customer > :after and completed_at >= :since
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        since=since,
        limit=limit,
    )
    return [(shop, row.customer) for row in rows]


async def list_completed(tx: Transaction, keys: Sequence[CustomerKey]) -> list[OrderKey]:
    """The customers' completed orders."""
    rows = await tx.fetch(
        """
        select shop, customer, order_id
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join completed_orders using (shop, customer)
        """,
        shops=[shop for shop, _ in keys],
        customers=[customer for _, customer in keys],
    )
    return [(r.shop, r.customer, r.order_id) for r in rows]


async def save_completed(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """Keep what the inputs of these orders come to; their customers are locked. Idempotent."""
    # An order once completed has been so for ever: nothing is deleted here.
    await tx.execute(
        """
        insert into completed_orders (shop, customer, order_id, completed_at, cause, correlation_id, due_at, counts)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:orders as text[]),
                             cast(:completed as timestamptz[]), cast(:causes as text[]), cast(:correlations as text[]),
                             cast(:dues as timestamptz[]), cast(:counts as boolean[]))
        on conflict (shop, customer, order_id) do update
        set completed_at = excluded.completed_at, cause = excluded.cause, correlation_id = excluded.correlation_id,
            due_at = excluded.due_at, counts = excluded.counts
        """,
        shops=[o.shop for o in orders],
        customers=[o.customer for o in orders],
        orders=[o.order_id for o in orders],
        completed=[o.completed_at for o in orders],
        causes=[o.cause for o in orders],
        correlations=[o.correlation_id for o in orders],
        dues=[o.due_at for o in orders],
        counts=[o.counts for o in orders],
    )


def input_of(row: Row[Any]) -> OrderInput:
    """An input from its row, which holds the columns of the table by their names."""
    body = (OrderRefunded if row.refund else OrderEvent).model_validate(row.body)
    return OrderInput(row.shop, row.customer, row.order_id, row.cause, row.at, row.rank, row.correlation_id, body)
