"""How are single customers, and lists of them, read?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from common.bus.dead import MENDED
from common.events import CustomerKey, Event, decode
from common.storage.database import Transaction
from segmentation.customers.state import CustomerState

SegmentKind = Literal["stage", "lifecycle", "rfm", "lapsed"]
# The condition of each kind of segment; only these literals are ever put into a statement.
_CONDITIONS: dict[SegmentKind, str] = {
    "stage": "stage = :value",
    "lifecycle": "life_cycle = :value",
    "rfm": "rfm_class = :value",
    "lapsed": "(lapsed is not null) = (:value = 'true') and completed_orders > 0",
}


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer as stored; `until` is the latest instant that the state knows about, None before any input."""

    customer: str
    state: CustomerState
    until: datetime | None
    revision: int


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


async def list_segment(tx: Transaction, shop: str, kind: SegmentKind, value: str, after: str, limit: int) -> list[str]:
    """Customer ids of the segment, in order of id, those after `after`."""
    # Walks the primary key from `after` and stops at the page's end.
    rows = await tx.fetch(
        f"""
        select customer from customers
        where shop = :shop and customer > :after and {_CONDITIONS[kind]}
        order by customer limit :limit
        """,
        shop=shop,
        value=value,
        after=after,
        limit=limit,
    )
    return [row.customer for row in rows]


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


async def iterate_customers(
    tx: Transaction, shop: str, page: int = 500
) -> AsyncIterator[tuple[StoredCustomer, Sequence[Event[Any]], Sequence[Event[Any]]]]:
    """Every customer of the shop with the inputs that were folded and the facts that are kept: for `verify`."""
    after = ""
    while True:
        # A page of customers, by primary key.
        rows = await tx.fetch(
            """
            select customer, cast(state as text) as state, greatest(done_until, last_time) as until, revision
            from customers
            where shop = :shop and customer > :after and state is not null
            order by customer limit :page
            """,
            shop=shop,
            after=after,
            page=page,
        )
        if not rows:
            return
        after = rows[-1].customer
        # The inputs of the page's customers.
        bodies = await tx.fetch(
            "select customer, body from inputs where shop = :shop and customer = any(:customers) order by customer, at",
            shop=shop,
            customers=[row.customer for row in rows],
        )
        inputs: dict[str, list[Event[Any]]] = {}
        for body in bodies:
            inputs.setdefault(body.customer, []).append(decode(body.body))
        # What was announced of them, in its order; the outbox keeps the newest. What was mended there is no fact.
        bodies = await tx.fetch(
            """
            select payload from outbox where aggregateid = any(:keys) and type <> :mended order by seq
            """,
            keys=[f"{shop}/{row.customer}" for row in rows],
            mended=MENDED,
        )
        facts: dict[str | None, list[Event[Any]]] = {}
        for body in bodies:
            fact = decode(body.payload)
            facts.setdefault(fact.subject, []).append(fact)
        for row in rows:
            yield _stored(row), inputs.get(row.customer, []), facts.get(row.customer, [])


async def list_lost(tx: Transaction) -> list[CustomerKey]:
    """Who has inputs and no row, or a row without a state."""
    # One pass over both, each once; the first hundred say enough.
    rows = await tx.fetch(
        """
        select distinct i.shop, i.customer from inputs i
        left join customers c on c.shop = i.shop and c.customer = i.customer
        where c.state is null order by i.shop, i.customer limit 100
        """
    )
    return [(row.shop, row.customer) for row in rows]


def _stored(row: Any) -> StoredCustomer:
    return StoredCustomer(row.customer, CustomerState.model_validate_json(row.state), row.until, row.revision)
