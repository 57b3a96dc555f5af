"""Usage questions: about which order each customer is asked, and when (FBK-007)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.orders.rules import CompletedOrder


async def save_first_orders(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Let each question be about the customer's first completed order that counts; customers locked. Idempotent."""
    keys = sorted(customers)
    # One probe of completed_orders_first a customer, however many orders there are. Who was asked already, or is
    # erased, is not asked (again).
    await tx.execute(
        """
        insert into usage_questions as q (shop, customer, order_id, completed_at, cause, correlation_id, due_at)
        select w.shop, w.customer, o.order_id, o.completed_at, o.cause, o.correlation_id,
               case when k.erased_at is null then o.due_at end
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        left join lateral (
            select * from completed_orders c
            where c.shop = w.shop and c.customer = w.customer and c.counts
            order by c.completed_at, c.order_id collate "C" limit 1
        ) o on true
        left join customer_keys k on k.shop = w.shop and k.customer = w.customer
        on conflict (shop, customer) do update
        set order_id = excluded.order_id, completed_at = excluded.completed_at, cause = excluded.cause,
            correlation_id = excluded.correlation_id,
            due_at = case when q.survey_id is null then excluded.due_at end
        """,
        shops=[shop for shop, _ in keys],
        customers=[customer for _, customer in keys],
    )


async def lock_due_questions(tx: Transaction, now: datetime, limit: int, without: Collection[str]) -> list[Task] | None:
    """The customers whose question is due first, locked; those whom somebody else holds, or of the shops `without`,
    are left for later."""
    rows = await tx.fetch(
        """
        select q.shop, q.customer
        from usage_questions q join customers c on c.shop = q.shop and c.customer = q.customer
        where q.due_at <= :now and q.shop <> all(cast(:without as text[])) and not exists (
            select from set_aside s
            where s.job = 'usage_questions' and s.shop = q.shop and s.customer = q.customer
        )
        order by q.due_at, q.shop, q.customer
        limit :limit
        for update of c skip locked
        """,
        now=now,
        limit=limit,
        without=sorted(without),
    )
    return [Task(row.shop, row.customer) for row in rows] or None


async def get_due_questions(tx: Transaction, now: datetime, keys: Sequence[CustomerKey]) -> list[CompletedOrder]:
    """What these customers are to be asked now, soonest due first; locks them where they are not locked yet."""
    await tx.lock_customers(keys)
    # Read under the lock: an earlier order may have moved the due date.
    rows = await tx.fetch(
        """
        select q.shop, q.customer, q.order_id, q.completed_at, q.cause, q.correlation_id, q.due_at
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join usage_questions q on q.shop = w.shop and q.customer = w.customer
        where q.due_at <= :now
        order by q.due_at, q.shop collate "C", q.customer collate "C"
        """,
        shops=[k[0] for k in keys],
        customers=[k[1] for k in keys],
        now=now,
    )
    return [CompletedOrder(**r._mapping) for r in rows]


async def count_due_questions(tx: Transaction, now: datetime) -> int:
    """Questions to be asked now; those set aside are not counted."""
    # Null: asked already, or never to be asked.
    return int(
        await tx.value(
            """
            select count(*) from usage_questions q where due_at <= :now
            and not exists (select from set_aside s where s.shop = q.shop and s.customer = q.customer)
            """,
            now=now,
        )
    )
