"""Versions and refunds of orders, and the completed orders that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.events import CustomerKey
from common.events.orders import OrderEvent, OrderRefunded
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.orders.rules import CompletedOrder, OrderInput, OrderKey, essence
from feedback.standing.rules import Stood, stood

_INPUTS = Columns(
    "i",
    shop="text",
    customer="text",
    order_id="text",
    cause="text",
    at="timestamptz",
    rank="smallint",
    correlation_id="text",
    refund="boolean",
    body="jsonb",
)
_COMPLETED = Columns(
    "c",
    shop="text",
    customer="text",
    order_id="text",
    completed_at="timestamptz",
    cause="text",
    correlation_id="text",
    due_at="timestamptz",
    counts="boolean",
)
_ORDERS = Columns("w", shop="text", customer="text", order_id="text")
_CUSTOMERS = Columns("w", shop="text", customer="text")
_INPUT = "shop, customer, order_id, cause, at, rank, correlation_id, refund, body"
_ORDER = "shop, customer, order_id, completed_at, cause, correlation_id, due_at, counts"


async def insert_inputs(tx: Transaction, inputs: Sequence[OrderInput]) -> None:
    """Keep what was said of orders, without personal data. Idempotent."""
    # What is known already stays as it is.
    await tx.execute(
        f"insert into order_inputs ({_INPUT}) select * from {_INPUTS} on conflict do nothing",
        **_INPUTS.of(
            (
                *i.order,
                i.cause,
                i.at,
                i.rank,
                i.correlation_id,
                isinstance(i.body, OrderRefunded),
                orjson.dumps(essence(i.body)).decode(),
            )
            for i in inputs
        ),
    )


async def get_inputs(tx: Transaction, orders: Collection[OrderKey]) -> list[OrderInput]:
    """All inputs of these orders; their customers are locked."""
    # Of each a range of the primary key, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select i.* from {_ORDERS} cross join lateral (
            select {_INPUT} from order_inputs i
            where i.shop = w.shop and i.customer = w.customer and i.order_id = w.order_id order by cause
        ) i
        """,
        **_ORDERS.of(sorted(orders)),
    )
    return [input_of(row) for row in rows]


async def list_inputs_of(tx: Transaction, customers: Iterable[CustomerKey]) -> list[OrderInput]:
    """All inputs of these customers' orders."""
    rows = await tx.fetch(
        f"select {_INPUT} from {_CUSTOMERS} join order_inputs using (shop, customer)", **_CUSTOMERS.of(customers)
    )
    return [input_of(row) for row in rows]


async def list_completed_of(tx: Transaction, customers: Iterable[CustomerKey]) -> list[CompletedOrder]:
    """All completed orders of these customers."""
    rows = await tx.fetch(
        f"select {_ORDER} from {_CUSTOMERS} join completed_orders using (shop, customer)", **_CUSTOMERS.of(customers)
    )
    return [CompletedOrder(**row._mapping) for row in rows]


async def list_customers_since(
    tx: Transaction, shop: str, since: datetime, after: str, limit: int
) -> list[CustomerKey]:
    """The next customers, in order of id, with an order completed, or a ticket resolved, at `since` or later."""
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        """
        select customer from (
            (select distinct customer from completed_orders
             where shop = :shop and customer > :after and completed_at >= :since order by customer limit :limit)
            union
            (select distinct customer from tickets
             where shop = :shop and customer > :after and resolved_at >= :since order by customer limit :limit)
        ) found
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        since=since,
        limit=limit,
    )
    return [(shop, row.customer) for row in rows]


async def get_stood(tx: Transaction, order: OrderKey) -> Stood | None:
    """How an order of the customer, who is locked, stands now; None: there is none of that id."""
    inputs = sorted(await get_inputs(tx, [order]), key=lambda i: (i.at, i.rank, i.cause))
    return stood((given.at, given.body) for given in inputs)


async def get_persons_order(tx: Transaction, customer: CustomerKey, order_id: str) -> Stood | None:
    """The same, bought under any identifier of the person's (ORD-040)."""
    for one in (await get_people(tx, [customer]))[customer]:
        if (order := await get_stood(tx, (*one, order_id))) is not None:
            return order
    return None


async def save_completed(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """Keep what the inputs of these orders come to; their customers are locked. Idempotent."""
    # An order once completed has been so for ever: nothing is deleted here.
    await tx.execute(
        f"""
        insert into completed_orders ({_ORDER}) select * from {_COMPLETED}
        on conflict (shop, customer, order_id) do update
        set completed_at = excluded.completed_at, cause = excluded.cause, correlation_id = excluded.correlation_id,
            due_at = excluded.due_at, counts = excluded.counts
        """,
        **_COMPLETED.of(
            (o.shop, o.customer, o.order_id, o.completed_at, o.cause, o.correlation_id, o.due_at, o.counts)
            for o in orders
        ),
    )


def input_of(row: Row[Any]) -> OrderInput:
    """An input from its row, which has the table's columns by name."""
    body = (OrderRefunded if row.refund else OrderEvent).model_validate(row.body)
    return OrderInput(row.shop, row.customer, row.order_id, row.cause, row.at, row.rank, row.correlation_id, body)
