"""Customers whose segments are to be looked at again: after a change of theirs at once, or when a date turns one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from common.events import CustomerKey
from common.people.store import lock_survivors
from common.storage.columns import Columns
from common.storage.customer_rows import CUSTOMER_COLUMNS, customer_row
from common.storage.database import Transaction

_KEYS = Columns("w", shop="text", customer="text")
_DUES = Columns("w", customer="text", due_at="timestamptz")


async def mark(tx: Transaction, keys: Collection[CustomerKey]) -> None:
    """Something of these customers, who are locked, has changed; nothing is written where their shop has no segment.

    What is an absorbed customer's is the survivor's.
    """
    if keys:
        await mark_each(tx, set((await lock_survivors(tx, keys)).values()))


async def mark_each(tx: Transaction, keys: Collection[CustomerKey]) -> None:
    """As `mark`, of absorbed customers themselves."""
    # One probe a shop; the rows by primary key.
    await tx.execute(
        f"""
        insert into segment_dues as d (shop, customer, due_at, changed)
        select shop, customer, :now, true
        from (select distinct shop from segment_definitions where shop = any(:shops)) s join {_KEYS} using (shop)
        on conflict (shop, customer) do update set due_at = least(d.due_at, excluded.due_at), changed = true
        where not d.changed
        """,
        now=tx.clock.now(),
        shops=sorted({shop for shop, _ in keys}),
        **_KEYS.of(sorted(keys)),
    )


async def lock_due(tx: Transaction, now: datetime, limit: int) -> list[CustomerKey]:
    """The customers who are due first, locked.

    Left out are those that another process holds, or that are set aside.
    """
    # By the index, in its order.
    rows = await tx.fetch(
        f"""
        select {CUSTOMER_COLUMNS}
        from segment_dues d join customers c on c.shop = d.shop and c.customer = d.customer
        where d.due_at <= :now and not exists (
            select from set_aside a where a.job = 'memberships' and a.shop = d.shop and a.customer = d.customer
        )
        order by d.due_at, d.shop, d.customer limit :limit for update of c skip locked
        """,
        now=now,
        limit=limit,
    )
    for row in rows:
        tx.locked.setdefault((row.shop, row.customer), customer_row(row))
    return [(row.shop, row.customer) for row in rows]


async def get_marks(tx: Transaction, shop: str, customers: Collection[str]) -> dict[str, tuple[datetime, bool]]:
    """When each of these is due, and whether something of theirs changed."""
    # By primary key.
    rows = await tx.fetch(
        "select customer, due_at, changed from segment_dues where shop = :shop and customer = any(:customers)",
        shop=shop,
        customers=list(customers),
    )
    return {row.customer: (row.due_at, row.changed) for row in rows}


async def save_dues(tx: Transaction, shop: str, dues: Iterable[tuple[str, datetime | None]]) -> None:
    """When these customers, who are locked and were looked at in all segments, are due next; None: not by the date."""
    following = list(dues)
    gone = [customer for customer, at in following if at is None]
    if gone:
        # By primary key.
        await tx.execute(
            "delete from segment_dues where shop = :shop and customer = any(:customers)", shop=shop, customers=gone
        )
    # By primary key; who is looked at for the first time has no row.
    await tx.execute(
        f"""
        insert into segment_dues (shop, customer, due_at, changed)
        select :shop, customer, due_at, false from {_DUES}
        on conflict (shop, customer) do update set due_at = excluded.due_at, changed = false
        """,
        shop=shop,
        **_DUES.of((customer, at) for customer, at in following if at is not None),
    )


async def bring_forward(tx: Transaction, shop: str, dues: Iterable[tuple[str, datetime]]) -> None:
    """These customers are due by then at the latest: of one segment more a date turns a condition."""
    # By primary key, in its order; nothing else is waited for by this transaction from here on.
    await tx.execute(
        f"""
        insert into segment_dues as d (shop, customer, due_at, changed)
        select :shop, customer, due_at, false from {_DUES} order by customer collate "C"
        on conflict (shop, customer) do update set due_at = excluded.due_at where d.due_at > excluded.due_at
        """,
        shop=shop,
        **_DUES.of(dues),
    )


async def count_dues(tx: Transaction, now: datetime) -> int:
    """Customers who are due, without those set aside."""
    # By the index.
    return int(
        await tx.value(
            """
            select count(*) from segment_dues d where due_at <= :now and not exists (
                select from set_aside a where a.job = 'memberships' and a.shop = d.shop and a.customer = d.customer
            )
            """,
            now=now,
        )
    )
