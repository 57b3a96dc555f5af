"""The tables of a fold: customers with their states, and the inputs that the states follow from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event, decode
from common.fold.folding import Turns
from common.storage.columns import Columns
from common.storage.database import CustomerRow, Transaction, customer_row

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
)

LOCK_DUE = """
select shop, customer, cast(state as text) as state, last_time, last_rank, last_source, last_id, done_until,
       due_at, revision
from customers c
where due_at <= :now and shop <> all(cast(:without as text[])) and not exists (
    select from set_aside s where s.job = :job and s.shop = c.shop and s.customer = c.customer
)
order by due_at, shop, customer limit :limit
for update skip locked
"""


async def get_inputs(tx: Transaction, key: CustomerKey) -> list[Event[Any]]:
    """Every stored input of a customer, oldest first."""
    rows = await tx.fetch(
        "select body from inputs where shop = :shop and customer = :customer order by at", shop=key[0], customer=key[1]
    )
    inputs, turns = list[Event[Any]](), Turns()
    for row in rows:
        inputs.append(decode(row.body))
        await turns.take()
    return inputs


async def insert_inputs(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Append inputs that were not stored before."""
    await tx.copy(
        "inputs",
        ("shop", "customer", "at", "rank", "source", "id", "type", "body"),
        (
            (*event.customer, event.time, event.data.RANK, event.source, event.id, event.type, event.encode().decode())
            for event in events
        ),
    )


async def save_customers(tx: Transaction, rows: Sequence[CustomerRow]) -> None:
    """Store the new states of locked customers, all at once."""
    if not rows:
        return
    nothing = (None, None, None, None)
    await tx.execute(
        f"""
        update customers c set state = cast(u.state as jsonb), last_time = u.time, last_rank = u.rank,
               last_source = u.source, last_id = u.id, done_until = u.done, due_at = u.due, revision = u.revision
        from {_SAVED} where c.shop = u.shop and c.customer = u.customer
        """,
        **_SAVED.of((*r.key, r.state, *(r.last or nothing), r.done_until, r.due_at, r.revision) for r in rows),
    )


async def lock_due_customers(
    tx: Transaction, job: str, now: datetime, limit: int, without: Sequence[str]
) -> list[CustomerRow]:
    """Lock those that are due first; left out are those held elsewhere or set aside of the job, and some shops."""
    # The index on (due_at, shop, customer) has them in this order: many are due at one midnight.
    rows = await tx.fetch(
        LOCK_DUE,
        job=job,
        now=now,
        limit=limit,
        without=list(without),
    )
    return [customer_row(row) for row in rows]
