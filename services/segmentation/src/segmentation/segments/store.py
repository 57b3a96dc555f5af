"""Customers of a segment, page by page."""

from __future__ import annotations

from common.storage.database import Transaction
from segmentation.segments.state import SegmentKind

# The condition of each kind of segment; only these literals are ever put into a statement.
_CONDITIONS: dict[SegmentKind, str] = {
    "stage": "stage = :value",
    "lifecycle": "life_cycle = :value",
    "rfm": "rfm_class = :value",
    # Prospects have no order, and so no score.
    "rfm_group": "(rfm_group = :value or (:value = 'prospects' and completed_orders = 0 and state is not null))",
    "churn_reason": "churn_reason = :value",
    "churn_risk": "churn_risk = :value",
    "lapsed": "(lapsed is not null) = (:value = 'true') and completed_orders > 0",
}


async def list_segment(tx: Transaction, shop: str, kind: SegmentKind, value: str, after: str, limit: int) -> list[str]:
    """Customer ids of the segment, in order of id, those after `after`."""
    # Walks the primary key from `after` and stops at the page's end.
    rows = await tx.fetch(
        f"""
        select customer from customers
        where shop = :shop and customer > :after and {_CONDITIONS[kind]}
        order by customer limit :limit
        """,
        shop=shop,
        value=value,
        after=after,
        limit=limit,
    )
    return [row.customer for row in rows]
