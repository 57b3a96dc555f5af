"""SQL of orders: one row each; the newest version counts, never the last to arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.orders.state import Named, Rank


class OrderRow(NamedTuple):
    """One version of an order; `body` is its data as JSON text, personal fields sealed, amounts in minor units."""

    shop: str
    order_id: str
    customer: str
    revision: int
    state_number: int
    source: str
    event_id: str
    numbered: bool
    state: str
    currency: str
    goods_paid: int
    freight: int
    at: datetime
    body: str

    @property
    def key(self) -> Named:
        return self.shop, self.order_id

    @property
    def rank(self) -> Rank:
        return self.revision, self.state_number, self.source, self.event_id


WANTED = Columns("w", shop="text", order_id="text")
OWNERS = Columns("w", shop="text", order_id="text", customer="text")
VERSIONS = Columns(
    "n",
    shop="text",
    order_id="text",
    customer="text",
    revision="bigint",
    state_number="smallint",
    source="text",
    event_id="text",
    numbered="boolean",
    state="text",
    currency="text",
    goods_paid="bigint",
    freight="bigint",
    at="timestamptz",
    body="json",
)


async def lock_orders(tx: Transaction, orders: Mapping[Named, str]) -> dict[Named, Any]:
    """Lock the orders; the rows of those of which a version came. The values are the customers of new ones, '' nobody.

    Missing rows are inserted before any is locked, sorted, as `Transaction.lock_customers` does; of an order that is
    not known yet the row is what two of its first versions, or the first and a refund, wait for.
    """
    if not orders:
        return {}
    keys = sorted(orders)
    # Who comes second with a new order waits here for the first.
    await tx.execute(
        f"""
        insert into orders (shop, order_id, customer)
        select shop, order_id, customer from {OWNERS}
        where not exists (select 1 from orders o where o.shop = w.shop and o.order_id = w.order_id)
        order by shop collate "C", order_id collate "C"
        on conflict do nothing
        """,
        **OWNERS.of((*key, orders[key]) for key in keys),
    )
    # All of them, locked in order of key.
    rows = await tx.fetch(
        f"""
        select o.shop, o.order_id, o.customer, o.revision, o.state_number, o.source, o.event_id, o.numbered, o.state,
               o.currency, o.goods_paid, o.freight
        from {WANTED} join orders o on o.shop = w.shop and o.order_id = w.order_id
        order by o.shop collate "C", o.order_id collate "C"
        for update of o
        """,
        **WANTED.of(keys),
    )
    return {(r.shop, r.order_id): r for r in rows if r.revision is not None}


async def save_orders(tx: Transaction, versions: Iterable[OrderRow]) -> None:
    """Keep of each order the version of the highest rank; the caller holds the orders' locks."""
    newest: dict[Named, OrderRow] = {}
    for version in versions:
        kept = newest.get(version.key)
        if kept is None or version.rank > kept.rank:
            newest[version.key] = version
    if not newest:
        return
    # Where the row's own version is the newer one, nothing changes.
    await tx.execute(
        f"""
        update orders o set
            customer = n.customer, revision = n.revision, state_number = n.state_number, source = n.source,
            event_id = n.event_id, numbered = n.numbered, state = n.state, currency = n.currency,
            goods_paid = n.goods_paid, freight = n.freight, at = n.at, body = n.body
        from {VERSIONS}
        where o.shop = n.shop and o.order_id = n.order_id
          and (o.revision is null
               or (n.revision, n.state_number, n.source collate "C", n.event_id collate "C")
                > (o.revision, o.state_number, o.source collate "C", o.event_id collate "C"))
        """,
        **VERSIONS.of(newest[key] for key in sorted(newest)),
    )


async def claim_orders(tx: Transaction, owners: Mapping[Named, str]) -> None:
    """Give orders without a customer the customer who turned out to be theirs."""
    if owners:
        await tx.execute(
            f"""
            update orders o set customer = w.customer from {OWNERS}
            where o.shop = w.shop and o.order_id = w.order_id
            """,
            **OWNERS.of((*key, owners[key]) for key in sorted(owners)),
        )


async def delete_unknown(tx: Transaction, orders: Iterable[Named]) -> None:
    """Remove the rows of orders that were locked for nothing: no version came, and no refund waits for them."""
    if keys := sorted(set(orders)):
        await tx.execute(
            f"""
            delete from orders o using {WANTED}
            where o.shop = w.shop and o.order_id = w.order_id and o.revision is null
              and not exists (select 1 from refunds r where r.shop = o.shop and r.order_id = o.order_id)
            """,
            **WANTED.of(keys),
        )


async def get_order(tx: Transaction, shop: str, order_id: str) -> Any:
    """One order as it stands, with its refunds; None where the shop has none of that name."""
    # The order, and what was paid back of it.
    return await tx.fetch_one(
        """
        select o.customer, o.order_id, c.sequence, o.revision, o.state, o.currency, o.goods_paid, o.freight, o.at,
               cast(o.body as text) as body,
               coalesce((select sum(r.amount) from refunds r
                         where r.shop = o.shop and r.order_id = o.order_id and r.state = 'counted'), 0) as refunded
        from orders o left join completed_orders c on c.shop = o.shop and c.order_id = o.order_id
        where o.shop = :shop and o.order_id = :order_id and o.revision is not null
        """,
        shop=shop,
        order_id=order_id,
    )


async def count_orders(tx: Transaction, shop: str) -> Sequence[Any]:
    """Orders and what was paid (minor units), by currency and state."""
    # All of the shop's orders are counted.
    return await tx.fetch(
        """
        select currency, state, count(*) as orders, count(*) filter (where customer = '') as without_customer,
               sum(goods_paid) as goods_paid, sum(freight) as freight, min(at) as first, max(at) as last
        from orders where shop = :shop and revision is not null group by currency, state order by currency, state
        """,
        shop=shop,
    )


async def count_buyers(tx: Transaction, shop: str) -> int:
    """Customers who ordered."""
    # By the index of orders with a customer.
    count = await tx.value(
        """
        select count(distinct customer) from orders where shop = :shop and customer <> '' and revision is not null
        """,
        shop=shop,
    )
    return int(count)
