"""The row of a customer: how it is read, made and locked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey

KNOWN_COLUMNS = """cast(c.state as text) as state, c.last_time, c.last_rank, c.last_source, c.last_id, c.done_until,
       c.due_at, c.revision, c.inputs, c.merged_into, c.merge_revision"""
"""What `customer_row` reads of `customers c` beside the key: the one list of it."""
CUSTOMER_COLUMNS = f"c.shop, c.customer, {KNOWN_COLUMNS}"
# All rows by primary key, one after the other in order of key, whatever the plan (decision 0080).
LOCK = f"""
select {CUSTOMER_COLUMNS}
from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer) cross join lateral (
    select * from customers k where k.shop = w.shop and k.customer = w.customer for update
) c
"""
# Customers seen for the first time, in order of key too.
INSERT = """
insert into customers (shop, customer)
select w.shop, w.customer
from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer) left join lateral (
    select true as known from customers c where c.shop = w.shop and c.customer = w.customer order by c.customer
) c on true
where c.known is null
order by w.shop collate "C", w.customer collate "C"
on conflict do nothing
"""


@dataclass(slots=True)
class CustomerRow:
    """A locked customer; `last` is the order key of the last input folded or postponed, None before the first.

    `inputs`: how many were folded.
    """

    key: CustomerKey
    state: str | None
    last: tuple[datetime, int, str, str] | None
    done_until: datetime | None
    due_at: datetime | None
    revision: int
    inputs: int
    merged_into: str | None = None
    """Who absorbed the customer; the inputs of both are folded into the survivor's state."""
    merge_revision: int = 0


def customer_row(row: Row[Any], key: CustomerKey | None = None) -> CustomerRow:
    """Of a row of CUSTOMER_COLUMNS; of KNOWN_COLUMNS with the key."""
    last = None
    if row.last_time is not None:
        last = (row.last_time, row.last_rank, row.last_source, row.last_id)
    return CustomerRow(
        *(key or (row.shop, row.customer), row.state, last, row.done_until, row.due_at, row.revision, row.inputs),
        *(row.merged_into, row.merge_revision),
    )
