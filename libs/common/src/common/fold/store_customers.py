"""Customers of a fold with their states, and who of them is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.people.store import get_survivors
from common.storage.columns import Columns
from common.storage.customer_rows import CUSTOMER_COLUMNS, CustomerRow, customer_row
from common.storage.database import Transaction

_SAVED = Columns(
    "u",
    shop="text",
    customer="text",
    state="text",
    time="timestamptz",
    rank="integer",
    source="text",
    id="text",
    done="timestamptz",
    due="timestamptz",
    revision="bigint",
    inputs="integer",
)
CUSTOMER = f"select {CUSTOMER_COLUMNS} from customers c"
"""A statement to which a condition is added; `customer_row` reads what it gives."""
LOCK_DUE = f"""
{CUSTOMER} where due_at <= :now and shop <> all(cast(:without as text[])) and not exists (
    select from set_aside s where s.job = any(cast(:jobs as text[])) and s.shop = c.shop and s.customer = c.customer
) and not exists (
    select from long_histories l where l.shop = c.shop and l.customer = c.customer and l.cause is not null
)
order by due_at, shop, customer limit :limit
for update skip locked
"""


async def read_customer(tx: Transaction, key: CustomerKey) -> CustomerRow | None:
    """The customer's row, or that of who absorbed them, not locked; None where nothing was ever heard of them."""
    # By primary key.
    sql = f"{CUSTOMER} where shop = :shop and customer = :customer"
    row = await tx.fetch_one(sql, shop=key[0], customer=key[1])
    if row is not None and row.merged_into is not None:
        shop, survivor = (await get_survivors(tx, [key])).get(key, key)
        row = await tx.fetch_one(sql, shop=shop, customer=survivor)
    return None if row is None else customer_row(row)


async def keep_merged_state(tx: Transaction, key: CustomerKey, state: str | None) -> None:
    """Keep what was announced last of a customer who was absorbed; None where they are one of their own again."""
    # By primary key.
    await tx.execute(
        "update customers set merged_state = cast(:state as json) where shop = :shop and customer = :customer",
        shop=key[0],
        customer=key[1],
        state=state,
    )


async def get_merged_state(tx: Transaction, key: CustomerKey) -> str | None:
    """What was announced last of a customer before they were absorbed."""
    # By primary key.
    found: str | None = await tx.value(
        "select cast(merged_state as text) from customers where shop = :shop and customer = :customer",
        shop=key[0],
        customer=key[1],
    )
    return found


async def save_customers(tx: Transaction, rows: Sequence[CustomerRow]) -> None:
    """Store the new states of locked customers, all at once."""
    if not rows:
        return
    nothing = (None, None, None, None)
    await tx.execute(
        f"""
        update customers c set state = cast(u.state as json), last_time = u.time, last_rank = u.rank,
               last_source = u.source, last_id = u.id, done_until = u.done, due_at = u.due, revision = u.revision,
               inputs = u.inputs
        from {_SAVED} where c.shop = u.shop and c.customer = u.customer
        """,
        **_SAVED.of(
            (*r.key, r.state, *(r.last or nothing), r.done_until, r.due_at, r.revision, r.inputs) for r in rows
        ),
    )


async def lock_due_customers(
    tx: Transaction, jobs: Sequence[str], now: datetime, limit: int, without: Sequence[str]
) -> list[CustomerRow]:
    """Lock those that are due first; left out are those held elsewhere or set aside of these jobs, and some shops."""
    # The index on (due_at, shop, customer) has them in this order: many are due at one midnight.
    rows = await tx.fetch(
        LOCK_DUE,
        jobs=list(jobs),
        now=now,
        limit=limit,
        without=list(without),
    )
    return [customer_row(row) for row in rows]
