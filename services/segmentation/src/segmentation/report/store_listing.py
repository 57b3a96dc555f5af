"""Customers with the facts of a row, filtered, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from segmentation.report.cells import HIGH_OR_LOW, HIGH_OR_LOW_ITSELF

# The column of each filter; only these literals are ever put into a statement.
FILTERS = {
    "stage": "stage",
    "life_cycle": "life_cycle",
    "rfm": "rfm_class",
    "cell": HIGH_OR_LOW,
    "grades": f"case when {HIGH_OR_LOW_ITSELF} then null else rfm_cell end",
    "group": "rfm_group",
}


class Listed(NamedTuple):
    """`upto`: the last customer that was looked at, None where the shop has no more behind it."""

    rows: Sequence[Row[Any]]
    upto: str | None


async def list_customers(
    tx: Transaction, shop: str, wanted: Mapping[str, str], after: str, limit: int, look: int
) -> Listed:
    """At most `limit` customers behind `after` that have all wanted values, among the next `look` customers.

    `wanted`: values by the names in FILTERS. The work is bounded by `look` however rare the values are.
    """
    conditions = " ".join(f"and ({FILTERS[name]}) = :{name}" for name in wanted)
    # Walks the primary key from `after`; stops at the page's end, or after `look` customers.
    rows = await tx.fetch(
        f"""
        select customer, stage, life_cycle, rfm_class, rfm_cell, rfm_group, completed_orders from (
            select customer, stage, life_cycle, rfm_class, rfm_cell, rfm_group, completed_orders,
                   state is not null as known
            from customers where shop = :shop and customer > :after order by customer limit :look
        ) walked
        where known {conditions} order by customer limit :limit
        """,
        shop=shop,
        after=after,
        look=look,
        limit=limit,
        **wanted,
    )
    if len(rows) == limit:
        return Listed(rows, rows[-1].customer)
    # By the primary key alone: where the walk ended before the shop's customers did.
    upto = await tx.value(
        "select customer from customers where shop = :shop and customer > :after order by customer offset :n limit 1",
        shop=shop,
        after=after,
        n=look - 1,
    )
    return Listed(rows, upto)
