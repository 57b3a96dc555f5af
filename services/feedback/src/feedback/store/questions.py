"""Whom is the usage question to be asked, about which order, and when? (FBK-007)"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from common.db import CustomerKey, Transaction
from common.set_aside import Task
from feedback.domain.surveys import CompletedOrder


async def insert_completed_orders(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """Keep every telling: what the questions are folded from. Idempotent."""
    # A telling that is known already stays as it is.
    await tx.execute(
        """
        insert into completed_orders (shop, customer, cause, order_id, completed_at, correlation_id)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:causes as text[]),
                             cast(:order_ids as text[]), cast(:completed as timestamptz[]),
                             cast(:correlations as text[]))
        on conflict do nothing
        """,
        shops=[o.shop for o in orders],
        customers=[o.customer for o in orders],
        causes=[o.cause for o in orders],
        order_ids=[o.order_id for o in orders],
        completed=[o.completed_at for o in orders],
        correlations=[o.correlation_id for o in orders],
    )


async def save_first_orders(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """Keep each customer's earliest order; at most one per customer, customers locked. Idempotent, commutative."""
    # An earlier order takes the later one's place; who was asked already, or is erased, is not asked (again).
    await tx.execute(
        """
        insert into usage_questions as q (shop, customer, order_id, completed_at, cause, correlation_id, due_at)
        select shop, customer, o.order_id, o.completed_at, o.cause, o.correlation_id,
               case when k.erased_at is null then o.due_at end
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:order_ids as text[]),
                    cast(:completed as timestamptz[]), cast(:causes as text[]), cast(:correlations as text[]),
                    cast(:dues as timestamptz[]))
             as o(shop, customer, order_id, completed_at, cause, correlation_id, due_at)
        left join customer_keys k using (shop, customer)
        on conflict (shop, customer) do update
        set order_id = excluded.order_id, completed_at = excluded.completed_at, cause = excluded.cause,
            correlation_id = excluded.correlation_id,
            due_at = case when q.survey_id is null then excluded.due_at end
        where (excluded.completed_at, excluded.order_id collate "C", excluded.cause collate "C")
            < (q.completed_at, q.order_id collate "C", q.cause collate "C")
        """,
        shops=[o.shop for o in orders],
        customers=[o.customer for o in orders],
        order_ids=[o.order_id for o in orders],
        completed=[o.completed_at for o in orders],
        causes=[o.cause for o in orders],
        correlations=[o.correlation_id for o in orders],
        dues=[o.due_at for o in orders],
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
