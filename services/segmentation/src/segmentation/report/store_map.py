"""Customers by RFM cell, and completed orders by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def count_cells(tx: Transaction, shop: str) -> dict[str, int]:
    """Customers by RFM cell, such as `101`; those who never completed an order are in none."""
    # One pass over the shop's customers.
    rows = await tx.fetch(
        """
        select rfm_cell, count(*) as customers from customers
        where shop = :shop and rfm_cell is not null group by rfm_cell
        """,
        shop=shop,
    )
    return {row.rfm_cell: row.customers for row in rows}


async def sum_weeks(tx: Transaction, shop: str, since: date, until: date) -> Sequence[Row[Any]]:
    """Completed orders of customers with dates in [since, until), by week (its Monday) and currency.

    Amounts in minor units; a refund counts in the week of its order. Orders without a customer are not among them.
    """
    # By the index sales_day.
    return await tx.fetch(
        """
        select cast(date_trunc('week', day) as date) as week, currency, cast(sum(orders) as bigint) as orders,
               count(distinct customer) as buyers, cast(sum(paid - refunded) as bigint) as net
        from sales where shop = :shop and day >= :since and day < :until and gone is null
        group by 1, 2 order by 1, 2
        """,
        shop=shop,
        since=since,
        until=until,
    )
