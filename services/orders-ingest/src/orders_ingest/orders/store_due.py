"""SQL of orders of which something falls due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from common.events import Event
from common.events.orders import OrderReturned
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.set_aside import Task
from orders_ingest.orders.state import Named

JOB = "order_dues"
WANTED = Columns("w", shop="text", order_id="text")
NEXT = Columns("n", shop="text", order_id="text", due_at="timestamptz")
WOKEN = Columns("n", shop="text", order_id="text", at="timestamptz")


async def lock_due(tx: Transaction, now: datetime, limit: int) -> list[Task] | None:
    """The orders of which something is due first, locked, one a task; None when nothing is due.

    Those that another process holds are left for later, and those that were set aside.
    """
    rows = await tx.fetch(
        """
        select o.shop, o.customer, o.order_id from orders o
        where o.due_at <= :now and not exists (
            select from set_aside s
            where s.job = :job and s.shop = o.shop and s.customer = o.customer and s.what = o.order_id
        )
        order by o.due_at limit :limit
        for update of o skip locked
        """,
        now=now,
        limit=limit,
        job=JOB,
    )
    return [Task(row.shop, row.customer, row.order_id) for row in rows] or None


async def count_due(tx: Transaction, now: datetime) -> int:
    """Orders of which something is due."""
    # By the index of what falls due.
    return int(await tx.value("select count(*) from orders where due_at <= :now", now=now))


async def get_due(tx: Transaction, orders: Iterable[Named]) -> Sequence[Any]:
    """These orders as they stand, with what a due thing is judged by: the state in which returns and refunds are.

    `done`: what was announced of it, as `type@name`; `open_returns`; `returned_at`: when the last return was settled;
    `refunds`: what those that count say, as JSON texts, and `refunded_at`: when, in the same order.
    """
    return await tx.fetch(
        f"""
        select o.shop, o.order_id, o.customer, o.reached, o.at, o.delivered_told_at, o.promised_by,
               cast(o.body as text) as body,
               f.refunds, f.refunded_at, d.open_returns, d.returned_at, coalesce(d.done, '{{}}') as done
        from {WANTED} join orders o on o.shop = w.shop and o.order_id = w.order_id
        cross join lateral (
            select coalesce(array_agg(r.said order by r.refund_id), '{{}}') as refunds,
                   coalesce(array_agg(r.at order by r.refund_id), '{{}}') as refunded_at
            from refunds r where r.shop = o.shop and r.order_id = o.order_id and r.state = 'counted'
        ) f
        left join lateral (
            select count(*) filter (where d.type = 'order.returned' and d.stage = 0) as open_returns,
                   max(d.at) filter (where d.type = 'order.returned' and d.stage > 0) as returned_at,
                   array_agg(d.type || '@' || d.name)
                       filter (where d.type in ('order.receipt_due', 'delivery.promise_broken')) as done
            from order_details d
            where d.shop = o.shop and d.order_id = o.order_id
        ) d on true
        where o.revision is not null
        order by o.shop, o.order_id
        """,
        **WANTED.of(sorted(set(orders))),
    )


async def save_next(tx: Transaction, dues: Iterable[tuple[str, str, datetime | None]]) -> None:
    """When the next thing of these orders falls due, None: nothing; the caller holds their locks."""
    rows: list[tuple[str, str, datetime | None]] = list(dues)
    await tx.execute(
        f"update orders o set due_at = n.due_at from {NEXT} where o.shop = n.shop and o.order_id = n.order_id",
        **NEXT.of(rows),
    )


async def wake_orders(tx: Transaction, told: Iterable[Event[Any]]) -> None:
    """A delivered order whose return was settled may complete now; the caller holds the orders' locks."""
    settled = [event for event in told if isinstance(event.data, OrderReturned) and event.data.stage]
    if settled:
        await tx.execute(
            f"""
            update orders o set due_at = least(coalesce(o.due_at, n.at), n.at) from {WOKEN}
            where o.shop = n.shop and o.order_id = n.order_id and o.state = 'delivered'
            """,
            **WOKEN.of((event.shop, event.data.order_id, event.time) for event in settled),
        )
