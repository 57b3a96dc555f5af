"""Rollups of activity by customer, day of the shop, kind and category: sums, so that no order of arrival shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.activity.state import Counted, Looked, Rollup

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ROLLUPS = Columns(
    "w",
    shop="text",
    customer="text",
    day="date",
    kind="text",
    category="text",
    count="bigint",
    first_at="timestamptz",
    last_at="timestamptz",
)


async def add_rollups(tx: Transaction, rollups: Mapping[CustomerKey, Mapping[Rollup, Counted]]) -> None:
    """Add to what is counted; the events were claimed by this transaction, so each is added once."""
    # Sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into activity as kept (shop, customer, day, kind, category, count, first_at, last_at)
        select shop, customer, day, kind, category, count, first_at, last_at from {_ROLLUPS}
        on conflict (shop, customer, day, kind, category) do update
            set count = kept.count + excluded.count, first_at = least(kept.first_at, excluded.first_at),
                last_at = greatest(kept.last_at, excluded.last_at)
        """,
        **_ROLLUPS.of(
            (*key, *rollup, counted.count, counted.first_at, counted.last_at)
            for key, of_customer in sorted(rollups.items())
            for rollup, counted in sorted(of_customer.items())
        ),
    )


async def get_first(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, datetime]:
    """The earliest activity of each of these customers; without those of whom none was counted."""
    if not keys:
        return {}
    # Of each a range of the primary key, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, a.first_at from {_CUSTOMERS} cross join lateral (
            select min(first_at) as first_at from activity where shop = w.shop and customer = w.customer
        ) a where a.first_at is not null
        """,
        **_CUSTOMERS.of(sorted(keys)),
    )
    return {(row.shop, row.customer): row.first_at for row in rows}


async def sum_activity(
    tx: Transaction, people: Sequence[CustomerKey], since: date | None, until: date | None
) -> dict[str, Counted]:
    """What a customer did by kind, on days of the shop in [since, until); of all time where a border is None.

    `people`: all identifiers of the customer.
    """
    # Ranges of the primary key.
    rows = await tx.fetch(
        f"""
        select kind, cast(sum(count) as bigint) as number, min(first_at) as first_at, max(last_at) as last_at
        from {_CUSTOMERS} join activity using (shop, customer) where day >= :since and day < :until
        group by kind order by kind
        """,
        **_CUSTOMERS.of(people),
        since=since or date.min,
        until=until or date.max,
    )
    return {row.kind: Counted(row.number, row.first_at, row.last_at) for row in rows}


async def count_by_kind(
    tx: Transaction, shop: str, customers: Sequence[str], since: date
) -> dict[str, dict[str, tuple[int, date]]]:
    """What these people did on days of the shop from `since` on: by customer and kind how often, and its first day."""
    # Ranges of the primary key.
    rows = await tx.fetch(
        """
        select customer, kind, cast(sum(count) as bigint) as number, min(day) as first_day from activity_of_people
        where shop = :shop and customer = any(:customers) and day >= :since group by customer, kind
        """,
        shop=shop,
        customers=list(customers),
        since=since,
    )
    found: dict[str, dict[str, tuple[int, date]]] = {customer: {} for customer in customers}
    for row in rows:
        found[row.customer][row.kind] = row.number, row.first_day
    return found


LOOKING = ("product.viewed", "product.searched", "product.favourited", "cart.updated")


async def list_looked(tx: Transaction, shop: str, customer: str, since: date) -> list[Looked]:
    """What this person looked at on days of the shop from `since` on, by category and day."""
    # Ranges of the primary key.
    rows = await tx.fetch(
        """
        select nullif(category, '') as category, day,
               cast(coalesce(sum(count) filter (where kind = any(:looking)), 0) as bigint) as looks,
               cast(coalesce(sum(count) filter (where kind = 'checkout.interrupted'), 0) as bigint) as broken_off
        from activity_of_people where shop = :shop and customer = :customer and day >= :since
        group by category, day order by day, category
        """,
        shop=shop,
        customer=customer,
        since=since,
        looking=list(LOOKING),
    )
    return [Looked(row.category, row.day, row.looks, row.broken_off) for row in rows]
