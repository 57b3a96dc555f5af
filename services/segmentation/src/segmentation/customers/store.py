"""Single customers and samples of them, as stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event
from common.events.kept import Kept
from common.fold.store_history import HISTORY
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.customers.state import CustomerState
from segmentation.purchases.entries import Sale

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
    """All that is kept of one customer; `items` as JSON by name.

    `stored` is None where no state is; `waiting`: a sweep has yet to fold them.
    """

    shop: str
    customer: str
    stored: StoredCustomer | None
    inputs: list[Event[Any]] = field(default_factory=list)
    items: dict[str, str] = field(default_factory=dict)
    sales: Set[Sale] = field(default_factory=set)
    waiting: bool = False
    revision: int = 0


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
            yield CustomerState.model_validate_json(row.state).partly()


async def get_histories(
    tx: Transaction, kept: Kept, keys: Sequence[CustomerKey], waiting: Collection[str]
) -> list[History]:
    """These customers with the inputs that were folded, in the order of the keys; `waiting`: shops to be folded."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer, cast(state as text) as state, greatest(done_until, last_time) as until, revision,
               exists (select from long_histories l where l.shop = c.shop and l.customer = c.customer) as postponed
        from {_KEYS} join customers c on c.shop = w.shop and c.customer = w.customer
        """,
        **_KEYS.of(keys),
    )
    found = {
        (r.shop, r.customer): History(
            r.shop,
            r.customer,
            _stored(r) if r.state is not None else None,
            waiting=r.postponed or r.shop in waiting,
            revision=r.revision,
        )
        for r in sorted(rows, key=lambda r: (r.shop, r.customer))
    }
    # By the index on customer and time.
    bodies = await tx.fetch(
        f"select {HISTORY} from {_KEYS} join history h using (shop, customer) where not h.held",
        **_KEYS.of(keys),
    )
    for row in bodies:
        found[row.shop, row.customer].inputs.append(kept.load(row))
    # By the primary key.
    items = await tx.fetch(
        f"select i.shop, i.customer, i.name, i.body from {_KEYS} join items i using (shop, customer)", **_KEYS.of(keys)
    )
    for row in items:
        found[row.shop, row.customer].items[row.name] = row.body
    return list(found.values())


def _stored(row: Any) -> StoredCustomer:
    return StoredCustomer(row.customer, CustomerState.model_validate_json(row.state).partly(), row.until, row.revision)
