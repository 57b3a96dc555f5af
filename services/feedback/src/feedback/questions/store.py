"""Usage questions: about which order each customer is asked, and when (FBK-007)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.feedback import SurveyRequested
from common.people.store import lock_survivors
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.orders.rules import CompletedOrder
from feedback.surveys.rules import is_usage_question

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ASKED = Columns("a", shop="text", customer="text", survey_id="text")


async def save_first_orders(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Let each question be about the customer's first completed order that counts; customers locked. Idempotent."""
    # One probe of completed_orders_first a customer, however many orders there are. A customer who was asked
    # already, or is erased, is not asked (again). Most have ordered before, and their rows stay as they are.
    await tx.execute(
        f"""
        insert into usage_questions as q (shop, customer, order_id, completed_at, cause, correlation_id, due_at)
        select w.shop, w.customer, o.order_id, o.completed_at, o.cause, o.correlation_id,
               case when k.erased_at is null then o.due_at end
        from {_CUSTOMERS}
        left join lateral (
            select * from completed_orders c
            where c.shop = w.shop and c.customer = w.customer and c.counts
            order by c.completed_at, c.order_id collate "C" limit 1
        ) o on true
        left join customer_keys k on k.shop = w.shop and k.customer = w.customer
        on conflict (shop, customer) do update
        set order_id = excluded.order_id, completed_at = excluded.completed_at, cause = excluded.cause,
            correlation_id = excluded.correlation_id,
            due_at = case when q.survey_id is null and not q.passed_over then excluded.due_at end
        where (q.order_id, q.completed_at, q.cause, q.correlation_id, q.due_at) is distinct from (
            excluded.order_id, excluded.completed_at, excluded.cause, excluded.correlation_id,
            case when q.survey_id is null and not q.passed_over then excluded.due_at end
        )
        """,
        **_CUSTOMERS.of(sorted(customers)),
    )


async def save_asked(tx: Transaction, requests: Sequence[Event[SurveyRequested]]) -> None:
    """These usage questions were asked: nothing of them falls due any more. Idempotent."""
    # One row a customer: two of one customer in a statement would be refused.
    last = {
        e.customer: e.data.survey_id
        for e in requests
        if is_usage_question(*e.customer, e.data.survey_id, e.data.cause_at)
    }
    # Where the order itself is not known yet (topics read out of order), its columns stay empty until it comes.
    await tx.execute(
        f"""
        insert into usage_questions as q (shop, customer, survey_id) select * from {_ASKED}
        on conflict (shop, customer) do update set due_at = null, survey_id = excluded.survey_id
        """,
        **_ASKED.of((*key, survey_id) for key, survey_id in last.items()),
    )


async def pass_over(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Do not ask these customers, who are asked under another identifier."""
    if customers:
        # By primary key.
        await tx.execute(
            f"""
            update usage_questions q set due_at = null, passed_over = true from {_CUSTOMERS}
            where q.shop = w.shop and q.customer = w.customer
            """,
            **_CUSTOMERS.of(customers),
        )


async def ask_again(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Whether the question of each of these customers is to be asked shows anew when it falls due."""
    # By primary key.
    await tx.execute(
        f"""
        update usage_questions q set passed_over = false from {_CUSTOMERS}
        where q.shop = w.shop and q.customer = w.customer and q.passed_over
        """,
        **_CUSTOMERS.of(customers),
    )
    if known := await list_questions_of(tx, customers):
        await save_first_orders(tx, {(row.shop, row.customer) for row in known})


async def lapse(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Ask these customers nothing: they were erased and cannot be reached."""
    await tx.execute(
        f"""
        update usage_questions q set due_at = null from {_CUSTOMERS}
        where q.shop = w.shop and q.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )


async def list_questions_of(tx: Transaction, customers: Iterable[CustomerKey]) -> Sequence[Row[Any]]:
    """The question of each of these customers: shop, customer, order_id, completed_at, due_at, survey_id,
    passed_over."""
    return await tx.fetch(
        f"""
        select q.shop, q.customer, q.order_id, q.completed_at, q.due_at, q.survey_id, q.passed_over
        from {_CUSTOMERS} join usage_questions q on q.shop = w.shop and q.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )


async def lock_due_questions(tx: Transaction, now: datetime, limit: int, without: Collection[str]) -> list[Task] | None:
    """The customers whose question is due first, locked; those that another process holds, or of the shops `without`,
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
    """What these customers are to be asked now, soonest due first; locks them where they are not locked yet, and the
    survivors who absorbed them."""
    await lock_survivors(tx, keys)
    # Read under the lock: an earlier order may have moved the due date.
    rows = await tx.fetch(
        f"""
        select q.shop, q.customer, q.order_id, q.completed_at, q.cause, q.correlation_id, q.due_at
        from {_CUSTOMERS}
        join usage_questions q on q.shop = w.shop and q.customer = w.customer
        where q.due_at <= :now
        order by q.due_at, q.shop collate "C", q.customer collate "C"
        """,
        now=now,
        **_CUSTOMERS.of(keys),
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
