"""What is promised for an order beside its own customer's fold: found by the order, whoever orders in the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction

_ORDERS = Columns("w", shop="text", order_id="text", customer="text")


async def promises_of_others(tx: Transaction, orders: Iterable[tuple[str, str, str | None]]) -> Sequence[Row[Any]]:
    """Promises for these orders (shop, id, customer) that were made to other customers.

    Each is a redemption, by its id, or a use of free shipping, whose `redemption_id` is null.
    """
    # By the indexes of redemptions and checkouts by order; both are as good as always without a row.
    return await tx.fetch(
        f"""
        with w as materialized (select * from {_ORDERS})
        select w.shop, w.order_id, r.customer, r.redemption_id, r.status
        from w join redemptions r on r.shop = w.shop and r.order_id = w.order_id
        where r.customer is distinct from w.customer and r.status <> 'returned'
        union all
        select w.shop, w.order_id, c.customer, null, 'reserved'
        from w join checkouts c on c.shop = w.shop and c.order_id = w.order_id
        where c.customer is distinct from w.customer and c.by_quota and c.status <> 'voided'
        order by 1, 2, 3, 4
        """,
        **_ORDERS.of(sorted(set(orders), key=lambda each: (each[0], each[1], each[2] or ""))),
    )
