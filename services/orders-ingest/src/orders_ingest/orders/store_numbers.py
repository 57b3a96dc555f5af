"""SQL of the numbers of completed orders among those of their customers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.orders.state import Named

ORDERS = Columns("w", shop="text", order_id="text")
CUSTOMERS = Columns("w", shop="text", customer="text")
NUMBERS = Columns("n", shop="text", order_id="text", customer="text", sequence="bigint")
_LAST = """
greatest(
    coalesce((select max(c.sequence) from completed_orders c where c.shop = w.shop and c.customer = w.customer), 0),
    coalesce((select b.completed from completed_before_merge b where b.shop = w.shop and b.customer = w.customer), 0))
"""


async def get_numbers(tx: Transaction, orders: Iterable[Named]) -> dict[Named, int]:
    """The numbers that were given; the caller holds the orders' locks."""
    rows = await tx.fetch(
        f"""
        select c.shop, c.order_id, c.sequence
        from {ORDERS} join completed_orders c on c.shop = w.shop and c.order_id = w.order_id
        """,
        **ORDERS.of(orders),
    )
    return {(row.shop, row.order_id): row.sequence for row in rows}


async def last_numbers(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, int]:
    """After which number each customer's next order is numbered, 0 before the first; under the customers' locks."""
    # The greatest is the end of an index, however many orders a customer has.
    rows = await tx.fetch(f"select w.shop, w.customer, {_LAST} as last from {CUSTOMERS}", **CUSTOMERS.of(customers))
    return {(row.shop, row.customer): row.last for row in rows}


async def insert_numbers(tx: Transaction, numbers: Sequence[tuple[str, str, str, int]]) -> None:
    """Keep numbers just given: (shop, order, customer, number). A number given twice breaks a unique index."""
    await tx.execute(
        f"insert into completed_orders (shop, order_id, customer, sequence) select * from {NUMBERS}",
        **NUMBERS.of(numbers),
    )


async def carry_over(tx: Transaction, shop: str, survivor: str, absorbed: str) -> None:
    """The survivor's numbers go on after the completed orders of both; under the locks of both."""
    # Once a merge: a customer is absorbed once.
    await tx.execute(
        f"""
        insert into completed_before_merge (shop, customer, completed)
        select :shop, :survivor, sum({_LAST}) from {CUSTOMERS}
        on conflict (shop, customer) do update set completed = excluded.completed
        """,
        shop=shop,
        survivor=survivor,
        **CUSTOMERS.of([(shop, survivor), (shop, absorbed)]),
    )
