"""Customers with the facts of a row, filtered, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from segmentation.attributes.rfm.cells import HIGH_OR_LOW, HIGH_OR_LOW_ITSELF

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


_FACTS = (
    "c.customer, c.stage, c.life_cycle, c.rfm_class, c.rfm_cell, c.rfm_group, c.completed_orders, "
    "c.state is not null as known"
)
# By the primary key from `after` on, up to `look` customers; each one's tier by its primary key, of those shown alone.
_EVERYBODY = f"""
    select {_FACTS} from customers c where c.shop = :shop and c.customer > :after order by c.customer limit :look
"""
# By the index of tiers from `after` on, up to `look` members, each one's facts by the primary key.
_OF_TIER = f"""
    select {_FACTS} from (
        select customer from member_tiers
        where shop = :shop and tier_id = :tier and customer > :after order by customer limit :look
    ) m join customers c on c.shop = :shop and c.customer = m.customer
"""
_UPTO = "select customer from customers where shop = :shop and customer > :after"
_UPTO_OF_TIER = "select customer from member_tiers where shop = :shop and tier_id = :tier and customer > :after"


async def list_customers(
    tx: Transaction, shop: str, wanted: Mapping[str, str], after: str, limit: int, look: int
) -> Listed:
    """At most `limit` customers behind `after` that have all wanted values, among the next `look` customers.

    `wanted`: values by the names in FILTERS, and `tier`, the id of one: then among the next `look` members of that
    tier. The work is bounded by `look` however rare the values are.
    """
    conditions = " ".join(f"and ({FILTERS[name]}) = :{name}" for name in wanted if name in FILTERS)
    # Stops at the page's end, or after `look` customers.
    rows = await tx.fetch(
        f"""
        select l.customer, l.stage, l.life_cycle, l.rfm_class, l.rfm_cell, l.rfm_group, l.completed_orders, t.tier_id
        from (
            select * from ({_OF_TIER if "tier" in wanted else _EVERYBODY}) walked
            where known {conditions} order by customer limit :limit
        ) l left join member_tiers t on t.shop = :shop and t.customer = l.customer order by l.customer
        """,
        shop=shop,
        after=after,
        look=look,
        limit=limit,
        **wanted,
    )
    if len(rows) == limit:
        return Listed(rows, rows[-1].customer)
    # By the same index alone: where the walk ended before those it walks did.
    upto = await tx.value(
        f"{_UPTO_OF_TIER if 'tier' in wanted else _UPTO} order by customer offset :n limit 1",
        shop=shop,
        after=after,
        n=look - 1,
        **({"tier": wanted["tier"]} if "tier" in wanted else {}),
    )
    return Listed(rows, upto)
