"""Single customers and samples of them, as stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event, decode
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.customers.state import CustomerState

_KEYS = Columns("w", shop="text", customer="text")


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer as stored; `until` is the latest instant that the state knows about, None before any input."""

    customer: str
    state: CustomerState
    until: datetime | None
    revision: int


@dataclass(slots=True)
class History:
    """All that is kept of one customer. `stored` is None where no state is; `waiting`: a sweep has yet to fold them."""

    shop: str
    customer: str
    stored: StoredCustomer | None
    inputs: list[Event[Any]] = field(default_factory=list)
    waiting: bool = False


async def get_customer(tx: Transaction, shop: str, customer: str) -> StoredCustomer | None:
    """The customer's stored state, not locked; None when nothing was ever heard of them."""
    # One row by its primary key; of who is new all may be held, and nothing folded yet.
    row = await tx.fetch_one(
        """
        select customer, coalesce(cast(state as text), '{}') as state, greatest(done_until, last_time) as until,
               revision
        from customers c where shop = :shop and customer = :customer and (state is not null or exists (
            select from held_inputs h where h.shop = c.shop and h.customer = c.customer
        ))
        """,
        shop=shop,
        customer=customer,
    )
    return _stored(row) if row is not None else None


async def count_buyers(tx: Transaction, shop: str) -> int:
    """Customers with a completed order."""
    # One pass over the shop's customers; states are not read.
    return int(await tx.value("select count(*) from customers where shop = :shop and completed_orders > 0", shop=shop))


async def sample_buyers(tx: Transaction, shop: str, share: int, page: int = 500) -> AsyncIterator[CustomerState]:
    """The states of one in `share` buyers, the same ones every time, in pages: others may run in between."""
    after = ""
    while True:
        # Chosen by a hash of the id, which has nothing to do with what the customer bought.
        rows = await tx.fetch(
            """
            select customer, cast(state as text) as state from customers
            where shop = :shop and customer > :after and completed_orders > 0
              and (hashtext(customer) & 2147483647) % cast(:share as integer) = 0
            order by customer limit :page
            """,
            shop=shop,
            after=after,
            share=share,
            page=page,
        )
        if not rows:
            return
        after = rows[-1].customer
        for row in rows:
            yield CustomerState.model_validate_json(row.state)


async def get_histories(tx: Transaction, keys: Sequence[CustomerKey], waiting: Collection[str]) -> list[History]:
    """These customers with the inputs that were folded, in the order of the keys; `waiting`: shops to be folded."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer, cast(state as text) as state, greatest(done_until, last_time) as until, revision
        from {_KEYS} join customers c on c.shop = w.shop and c.customer = w.customer
        """,
        **_KEYS.of(keys),
    )
    found = {
        (r.shop, r.customer): History(
            r.shop, r.customer, _stored(r) if r.state is not None else None, waiting=r.shop in waiting
        )
        for r in sorted(rows, key=lambda r: (r.shop, r.customer))
    }
    # By the index on customer and time.
    bodies = await tx.fetch(
        f"select i.shop, i.customer, i.body from {_KEYS} join inputs i on i.shop = w.shop and i.customer = w.customer",
        **_KEYS.of(keys),
    )
    for row in bodies:
        found[row.shop, row.customer].inputs.append(decode(row.body))
    return list(found.values())


def _stored(row: Any) -> StoredCustomer:
    return StoredCustomer(row.customer, CustomerState.model_validate_json(row.state), row.until, row.revision)
