"""Which questions of a shop were noted and not asked, and may fall due otherwise?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.db import CustomerKey, Transaction
from feedback.domain.surveys import CompletedOrder


async def list_unasked(tx: Transaction, shop: str, since: datetime, after: str, limit: int) -> list[CustomerKey]:
    """The next customers, in order of id, whose first order was completed at `since` or later."""
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        """
        select customer from usage_questions
        where shop = :shop and customer > :after and survey_id is null and completed_at >= :since
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        since=since,
        limit=limit,
    )
    return [(shop, row.customer) for row in rows]


async def get_unasked(tx: Transaction, keys: Sequence[CustomerKey]) -> list[CompletedOrder]:
    """The orders that the customers will be asked about; the customers are locked."""
    # An erased customer is not asked.
    rows = await tx.fetch(
        """
        select q.shop, q.customer, q.order_id, q.completed_at, q.cause, q.correlation_id, q.due_at
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join usage_questions q on q.shop = w.shop and q.customer = w.customer
        left join customer_keys k on k.shop = w.shop and k.customer = w.customer
        where q.survey_id is null and k.erased_at is null
        """,
        shops=[shop for shop, _ in keys],
        customers=[customer for _, customer in keys],
    )
    return [CompletedOrder(**r._mapping) for r in rows]


async def save_dues(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """When the questions about these orders fall due; the customers are locked."""
    # Null where the shop asks nobody.
    await tx.execute(
        """
        update usage_questions q set due_at = u.due_at
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:dues as timestamptz[]))
            as u(shop, customer, due_at)
        where q.shop = u.shop and q.customer = u.customer
        """,
        shops=[o.shop for o in orders],
        customers=[o.customer for o in orders],
        dues=[o.due_at for o in orders],
    )
