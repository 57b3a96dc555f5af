"""Tickets of which something falls due: the work list of their clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.events.feedback import TicketEvent
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.set_aside import Task

JOB = "tickets"
_CUSTOMERS = Columns("w", shop="text", customer="text")


async def lock_due(tx: Transaction, now: datetime, limit: int) -> list[Task] | None:
    """Customers with a ticket of which a due may have passed, locked; those that another process holds come later."""
    rows = await tx.fetch(
        """
        select c.shop, c.customer from customers c
        where (c.shop, c.customer) in (
            select t.shop, t.customer from tickets t
            where t.due_at <= :now and not exists (
                select from set_aside s where s.job = :job and s.shop = t.shop and s.customer = t.customer
            )
            order by t.due_at, t.shop, t.customer limit :limit
        )
        for update skip locked
        """,
        now=now,
        limit=limit,
        job=JOB,
    )
    return [Task(row.shop, row.customer) for row in rows] or None


async def get_due(
    tx: Transaction, now: datetime, customers: Sequence[CustomerKey]
) -> list[tuple[CustomerKey, TicketEvent]]:
    """The tickets of these customers of which a due may have passed; locks the customers where they are not yet."""
    await tx.lock_customers(customers)
    rows = await tx.fetch(
        f"""
        select t.shop, t.customer, cast(t.body as text) as body
        from {_CUSTOMERS} join tickets t on t.shop = w.shop and t.customer = w.customer
        where t.due_at <= :now order by t.due_at, t.shop, t.customer, t.ticket_id
        """,
        now=now,
        **_CUSTOMERS.of(customers),
    )
    return [((r.shop, r.customer), TicketEvent.model_validate_json(r.body)) for r in rows]


async def count_due(tx: Transaction, now: datetime) -> int:
    """Tickets of which a due has passed and is not noted; those set aside are not counted."""
    return int(
        await tx.value(
            """
            select count(*) from tickets t where due_at <= :now and not exists (
                select from set_aside s where s.job = :job and s.shop = t.shop and s.customer = t.customer
            )
            """,
            now=now,
            job=JOB,
        )
    )
