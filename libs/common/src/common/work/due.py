"""Customers with rows that are due, for sweeps that work customer by customer."""

from __future__ import annotations

from datetime import datetime

from common.events import CustomerKey
from common.storage.database import Transaction


async def lock_customers_due(tx: Transaction, table: str, job: str, now: datetime, limit: int) -> list[CustomerKey]:
    """Customers of whom a row of the table is due by now, locked; what another sweep holds is left to it.

    `table` has shop, customer and `due_at`, with an index on what is due. Whom `job` has set aside is passed over.
    """
    # The earliest rows name the customers.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer
        from (select distinct shop, customer
              from (select shop, customer from {table} r
                    where due_at <= :now and not exists (
                        select from set_aside s where s.job = :job and s.shop = r.shop and s.customer = r.customer
                    )
                    order by due_at limit :limit) first) d
        join customers c on c.shop = d.shop and c.customer = d.customer
        for update of c skip locked
        """,
        job=job,
        now=now,
        limit=limit,
    )
    keys = sorted((r.shop, r.customer) for r in rows)
    await tx.lock_customers(keys)
    return keys
