"""SQL of retention: what a shop has set, customers of whom something personal is held, and who of them is silent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.retention.state import Retention

_CUSTOMERS = Columns("w", shop="text", customer="text")
_HEARD = Columns("n", shop="text", customer="text", at="timestamptz")
_SILENT = """
    not exists (
        select from orders o where o.shop = w.shop and o.customer = w.customer and (
            o.at >= :since
            or (coalesce(o.state, '') not in ('completed', 'closed') and o.at >= :since - interval '1 year')
            or exists (
                select from refunds r where r.shop = o.shop and r.order_id = o.order_id
                    and (r.at >= :since or r.state <> 'counted'))
            or exists (
                select from order_details d where d.shop = o.shop and d.order_id = o.order_id
                    and (d.at >= :since or (d.stage = 0 and d.type in ('order.special_request', 'order.returned'))))
        ))
    and not exists (select from last_heard h where h.shop = w.shop and h.customer = w.customer and h.at >= :since)
    and not exists (select from customers c where c.shop = w.shop and c.customer = w.customer and c.merged_at >= :since)
    and not exists (
        select from profiles p where p.shop = w.shop and p.customer = w.customer and p.changed_at >= :since)
    and not exists (select from consents c where c.shop = w.shop and c.customer = w.customer and c.at >= :since)
    and not exists (
        select from behaviour_days b
        where b.shop = w.shop and b.customer = w.customer and b.day >= cast(:since as timestamptz) at time zone 'UTC')
"""
"""Of a customer `w`: no version of an order, refund, return or other detail, no profile, consent, visit or merge, and
nothing that another service heard, since then; nothing waits, and no order has been open for less than a year before.
By indexes on the customer and the order."""


async def get_retention(tx: Transaction, shop: str, *, lock: bool = False) -> Retention:
    """What the shop has set; without anything everybody is kept for ever. `lock`: nobody else sets it meanwhile."""
    if lock:
        # There is a row to be locked: of two that set it first, one waits for the other.
        await tx.execute(
            """
            insert into settings (shop, key, value) values (:shop, 'retention', cast(:body as jsonb))
            on conflict do nothing
            """,
            shop=shop,
            body=Retention(months=None).model_dump_json(),
        )
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


async def save_heard(tx: Transaction, heard: Mapping[CustomerKey, datetime]) -> None:
    """Another service heard from these customers at these times; the newest stays."""
    # By primary key, in one order: two processes do not wait for each other in a circle.
    await tx.execute(
        f"""
        insert into last_heard (shop, customer, at) select shop, customer, at from {_HEARD}
        on conflict (shop, customer) do update set at = excluded.at where last_heard.at < excluded.at
        """,
        **_HEARD.of((*key, at) for key, at in sorted(heard.items())),
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
