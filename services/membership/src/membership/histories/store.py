"""Customers as stored, with all their inputs, to be folded anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.kept import Kept
from common.fold.store_history import HISTORY
from common.storage.database import Transaction
from membership.histories.ranges import within

_STORED = """
select shop, customer, cast(state as text) as state, greatest(done_until, last_time) as until, due_at, revision,
       merged_into, last_time, last_rank, last_source, last_id,
       exists (select from long_histories l where l.shop = c.shop and l.customer = c.customer)
       or exists (select from refolds r where r.shop = c.shop and c.customer > r.after)
       or exists (select from shop_settings s where s.shop = c.shop and c.customer > s.refold_after)
       or exists (select from programmes p where p.shop = c.shop and p.withdrawn_at is null
                  and c.customer > p.refold_after
                  and (c.last_time >= p.valid_from or c.done_until >= p.valid_from)) as waiting,
       exists (select from programmes p where p.shop = c.shop and p.withdrawn_at is null
               and c.customer > p.due_after) as spreading
from customers c
"""


async def list_customers(
    tx: Transaction, after: CustomerKey, through: CustomerKey | None, limit: int
) -> tuple[Sequence[Row[Any]], CustomerKey | None]:
    """The next customers behind `after`, in order of key, and the last of them where others may follow.

    At most `through` that customer; None: to the very end. `until` is how far a state has been advanced, `waiting` that
    changed rules or postponed inputs have yet to be worked in, `spreading` that a new ladder has.
    """
    condition, bounds = within(after, through)
    # The states, and what is due and waits.
    rows = await tx.fetch(f"{_STORED} where {condition} order by shop, customer limit :limit", limit=limit, **bounds)
    return rows, (rows[-1].shop, rows[-1].customer) if len(rows) == limit else None


async def list_inputs(
    tx: Transaction, kept: Kept, after: CustomerKey, last: CustomerKey | None
) -> dict[CustomerKey, list[Event[Any]]]:
    """Everything that the customers behind `after` through `last` ever sent."""
    condition, bounds = within(after, last)
    inputs: dict[CustomerKey, list[Event[Any]]] = {}
    # By the index on customer and time.
    for row in await tx.fetch(f"select {HISTORY} from history where {condition}", **bounds):
        inputs.setdefault((row.shop, row.customer), []).append(kept.load(row))
    return inputs


async def list_items(
    tx: Transaction, after: CustomerKey, last: CustomerKey | None
) -> dict[CustomerKey, dict[str, str]]:
    """The items, as JSON by name, of the customers behind `after` through `last`."""
    condition, bounds = within(after, last)
    items: dict[CustomerKey, dict[str, str]] = {}
    # By the primary key.
    for row in await tx.fetch(f"select shop, customer, name, body from items where {condition}", **bounds):
        items.setdefault((row.shop, row.customer), {})[row.name] = row.body
    return items
