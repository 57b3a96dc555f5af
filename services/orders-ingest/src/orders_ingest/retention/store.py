"""SQL of retention: what a shop has set, customers of whom something personal is held, and who of them is silent."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.retention.state import Retention

_CUSTOMERS = Columns("w", shop="text", customer="text")
_SILENT = """
    not exists (select from orders o where o.shop = w.shop and o.customer = w.customer and o.at >= :since)
    and not exists (
        select from profiles p where p.shop = w.shop and p.customer = w.customer and p.changed_at >= :since)
    and not exists (select from consents c where c.shop = w.shop and c.customer = w.customer and c.at >= :since)
    and not exists (
        select from behaviour_days b
        where b.shop = w.shop and b.customer = w.customer and b.day >= cast(:since as timestamptz) at time zone 'UTC')
"""
"""Of a customer `w`: no version of an order, no profile, consent or visit since then. By index, four looks."""


async def get_retention(tx: Transaction, shop: str, *, lock: bool = False) -> Retention:
    """What the shop has set; without anything everybody is kept for ever."""
    body = await tx.value(
        "select cast(value as text) from settings where shop = :shop and key = 'retention'"
        + (" for update" if lock else ""),
        shop=shop,
    )
    return Retention(months=None) if body is None else Retention.model_validate_json(body)


async def save_retention(tx: Transaction, shop: str, retention: Retention) -> None:
    await tx.execute(
        """
        insert into settings (shop, key, value) values (:shop, 'retention', cast(:body as jsonb))
        on conflict (shop, key) do update set value = excluded.value
        """,
        shop=shop,
        body=retention.model_dump_json(),
    )


async def list_shops(tx: Transaction) -> list[str]:
    """Shops that have set how long they keep customers, and where no other process is at it; those are locked."""
    # Few rows: one a shop that ever set it.
    rows = await tx.fetch(
        """
        select shop from settings where key = 'retention' and value ->> 'months' is not null
        order by shop for update skip locked
        """
    )
    return [row.shop for row in rows]


async def list_held(tx: Transaction, shop: str, after: str, limit: int) -> list[CustomerKey]:
    """Customers behind this one of whom something personal is held: they have a key. By primary key."""
    rows = await tx.fetch(
        """
        select shop, customer from customer_keys where shop = :shop and customer > :after and erased_at is null
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
    return [(row.shop, row.customer) for row in rows]


async def list_silent(tx: Transaction, customers: Collection[CustomerKey], since: datetime) -> set[CustomerKey]:
    """Those of these customers who have given no sign under this very identifier since then."""
    rows = await tx.fetch(
        f"select w.shop, w.customer from {_CUSTOMERS} where {_SILENT}",
        since=since,
        **_CUSTOMERS.of(sorted(customers)),
    )
    return {(row.shop, row.customer) for row in rows}


async def count_silent(tx: Transaction, shop: str, since: datetime) -> tuple[int, int]:
    """Identifiers of the shop under which something personal is held, and how many of them are silent since then."""
    # Every customer once, when a person asks.
    row = await tx.fetch_one(
        f"""
        select count(*) as held, count(*) filter (where {_SILENT}) as silent
        from customer_keys w where w.shop = :shop and w.erased_at is null
        """,
        shop=shop,
        since=since,
    )
    assert row is not None
    return row.held, row.silent
