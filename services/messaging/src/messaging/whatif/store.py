"""What is kept of customers' past, read for what-if."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.whatif.rules import Said

_OF = Columns("w", shop="text", customer="text")


async def list_customers(tx: Transaction, shop: str, after: str, limit: int) -> list[str]:
    """Customers of the shop in order; each person once, under the survivor (ORD-040)."""
    # By primary key.
    rows = await tx.fetch(
        """
        select customer from customers where shop = :shop and customer > :after and merged_into is null
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
    return [r.customer for r in rows]


async def list_orders(tx: Transaction, keys: Sequence[CustomerKey]) -> list[str]:
    """The orders of which something is kept."""
    # By primary key.
    rows = await tx.fetch(f"select distinct order_id from {_OF} join order_news using (shop, customer)", **_OF.of(keys))
    return [r.order_id for r in rows]


async def get_said(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, list[Said]]:
    """The standings that are kept of each customer, oldest first."""
    found: dict[CustomerKey, list[Said]] = {key: [] for key in keys}
    # By primary key.
    for r in await tx.fetch(
        f"""
        select s.shop, s.customer, s.subject, k.at, k.value from {_OF} join standings s using (shop, customer)
            cross join lateral (
                values (s.revision, s.at, s.value), (s.before_revision, s.before_at, s.before_value)
            ) k (revision, at, value)
        where k.revision is not null order by k.at, k.revision
        """,
        **_OF.of(keys),
    ):
        found[(r.shop, r.customer)].append(Said(r.subject, r.at, r.value))
    return found


async def get_own_days(tx: Transaction, keys: Iterable[CustomerKey], kind: str) -> dict[CustomerKey, bytes]:
    """The hash of each customer's day of this kind, a birthday of the newest profile only."""
    # By primary keys.
    rows = await tx.fetch(
        f"""
        select d.shop, d.customer, d.day
        from {_OF} join personal_dates d using (shop, customer) join contacts c using (shop, customer)
        where d.kind = :kind and d.day is not null and (:kind <> 'birthday' or (d.revision, d.at) = (c.revision, c.at))
        """,
        **_OF.of(keys),
        kind=kind,
    )
    return {(r.shop, r.customer): r.day for r in rows}
