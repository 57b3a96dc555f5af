"""When each customer is looked at next by the schedules, and what surveys follow from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.schedules.state import Ended, Known, Turn

JOB = "scheduled_surveys"
_CUSTOMERS = Columns("w", shop="text", customer="text")
_SPANS = Columns("w", shop="text", customer="text", span="interval")
_TURNS = Columns("n", shop="text", customer="text", due_at="timestamptz", taken_until="timestamptz")


async def get_known(tx: Transaction, spans: Mapping[CustomerKey, timedelta]) -> dict[CustomerKey, Known]:
    """What surveys of these customers follow from, with the orders of a span before the latest; they are locked."""
    # Of completed_orders_first both ends and what is recent, and the customer's few tickets, whatever the history.
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, f.order_id as first_id, f.completed_at as first_at,
               o.ids, o.ats,
               t.ticket_id, t.resolved_at, t.reopened, k.erased_at is not null as erased
        from {_SPANS}
        left join lateral (
            select order_id, completed_at from completed_orders c
            where c.shop = w.shop and c.customer = w.customer and c.counts
            order by c.completed_at, c.order_id collate "C" limit 1
        ) f on true
        left join lateral (
            select array_agg(order_id order by completed_at, order_id collate "C") as ids,
                   array_agg(completed_at order by completed_at, order_id collate "C") as ats
            from (
                select order_id, completed_at from completed_orders c
                where c.shop = w.shop and c.customer = w.customer and c.counts and c.completed_at >= (
                    select max(completed_at) - w.span from completed_orders l
                    where l.shop = w.shop and l.customer = w.customer and l.counts
                )
            ) recent
        ) o on true
        left join lateral (
            select ticket_id, resolved_at, reopened from tickets t
            where t.shop = w.shop and t.customer = w.customer and t.state = 'resolved'
            order by t.resolved_at desc, t.ticket_id collate "C" desc limit 1
        ) t on true
        left join customer_keys k on k.shop = w.shop and k.customer = w.customer
        """,
        **_SPANS.of((*key, spans[key]) for key in sorted(spans)),
    )
    return {(row.shop, row.customer): _known(row) for row in rows}


async def get_turns(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, Turn]:
    """The turns of those of these customers who have one."""
    rows = await tx.fetch(
        f"""
        select t.shop, t.customer, t.due_at, t.taken_until
        from {_CUSTOMERS} join survey_turns t on t.shop = w.shop and t.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )
    return {(row.shop, row.customer): Turn(row.due_at, row.taken_until) for row in rows}


async def save_turns(tx: Transaction, turns: Mapping[CustomerKey, Turn]) -> None:
    """Keep when these customers, who are locked, are looked at next."""
    await tx.execute(
        f"""
        insert into survey_turns (shop, customer, due_at, taken_until) select * from {_TURNS}
        on conflict (shop, customer) do update set due_at = excluded.due_at, taken_until = excluded.taken_until
        """,
        **_TURNS.of((*key, *turn) for key, turn in sorted(turns.items())),
    )


async def lapse(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Ask these customers nothing: they were erased and cannot be reached."""
    await tx.execute(
        f"update survey_turns t set due_at = null from {_CUSTOMERS} where t.shop = w.shop and t.customer = w.customer",
        **_CUSTOMERS.of(customers),
    )


async def lock_due(tx: Transaction, now: datetime, limit: int, without: Sequence[str]) -> list[Task] | None:
    """The customers to be looked at first, locked; those that another process holds, or of the shops `without`, are
    left for later."""
    rows = await tx.fetch(
        """
        select t.shop, t.customer from survey_turns t join customers c on c.shop = t.shop and c.customer = t.customer
        where t.due_at <= :now and t.shop <> all(cast(:without as text[])) and not exists (
            select from set_aside s where s.job = :job and s.shop = t.shop and s.customer = t.customer
        )
        order by t.due_at, t.shop, t.customer limit :limit
        for update of c skip locked
        """,
        now=now,
        limit=limit,
        job=JOB,
        without=sorted(without),
    )
    return [Task(row.shop, row.customer) for row in rows] or None


async def count_due(tx: Transaction, now: datetime) -> int:
    """Customers to be looked at now; those set aside are not counted."""
    return int(
        await tx.value(
            """
            select count(*) from survey_turns t where t.due_at <= :now and not exists (
                select from set_aside s where s.job = :job and s.shop = t.shop and s.customer = t.customer
            )
            """,
            now=now,
            job=JOB,
        )
    )


def _known(row: Row[Any]) -> Known:
    return Known(
        first=Ended(row.first_id, row.first_at) if row.first_id is not None else None,
        orders=tuple(Ended(*each) for each in zip(row.ids or (), row.ats or (), strict=True)),
        ticket=Ended(row.ticket_id, row.resolved_at, row.reopened) if row.ticket_id is not None else None,
        erased=row.erased,
    )
