"""Customers by RFM cell, and completed orders by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from segmentation.attributes.rfm.cells import HIGH_OR_LOW, HIGH_OR_LOW_ITSELF


async def count_cells(tx: Transaction, shop: str) -> dict[str, int]:
    """Customers by RFM cell, such as `101`; those who never completed an order are in none.

    Grades count as high or low, as for the classes.
    """
    # One pass over the shop's customers.
    rows = await tx.fetch(
        f"""
        select {HIGH_OR_LOW} as cell, count(*) as customers from customers
        where shop = :shop and rfm_cell is not null group by 1
        """,
        shop=shop,
    )
    return {row.cell: row.customers for row in rows}


async def count_grades(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Rows cell, rfm_class, rfm_group, customers of those who are graded 1 to 5, by their grades."""
    # One pass over the shop's customers.
    return await tx.fetch(
        f"""
        select rfm_cell as cell, rfm_class, rfm_group, count(*) as customers from customers
        where shop = :shop and rfm_cell is not null and not ({HIGH_OR_LOW_ITSELF}) group by 1, 2, 3 order by 1, 2, 3
        """,
        shop=shop,
    )


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
