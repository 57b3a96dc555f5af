"""How do orders and refunds stand? One row each; the newest version of an order counts, never the last to arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.storage.database import Transaction

Named = tuple[str, str]
"""(shop, order) or (shop, refund)."""


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
    def rank(self) -> tuple[int, int, str, str]:
        return self.revision, self.state_number, self.source, self.event_id


class RefundRow(NamedTuple):
    """A refund as it stands; `body` is sealed, None of one that is counted."""

    shop: str
    refund_id: str
    state: str
    customer: str
    order_id: str | None
    amount: int
    freight: int
    currency: str
    at: datetime
    slug: str | None
    source: str
    event_id: str
    body: bytes | None


async def lock_orders(tx: Transaction, orders: Mapping[Named, str]) -> dict[Named, Any]:
    """Lock the orders; the rows of those that were told before. The values are the customers of new ones, '' nobody.

    Missing rows are inserted before any is locked, sorted, as `Transaction.lock_customers` does; of an order that is
    not known yet the row is what two of its first versions, or the first and a refund, wait for.
    """
    if not orders:
        return {}
    keys = sorted(orders)
    names = {"shops": [k[0] for k in keys], "ids": [k[1] for k in keys]}
    await tx.execute(_INSERT_ORDERS, **names, customers=[orders[k] for k in keys])
    # All of them, locked in order of key.
    rows = await tx.fetch(_LOCK_ORDERS, **names)
    return {(r.shop, r.order_id): r for r in rows if r.revision is not None}


_INSERT_ORDERS = """
insert into orders (shop, order_id, customer)
select shop, order_id, customer
from unnest(cast(:shops as text[]), cast(:ids as text[]), cast(:customers as text[])) as w(shop, order_id, customer)
where not exists (select 1 from orders o where o.shop = w.shop and o.order_id = w.order_id)
order by shop collate "C", order_id collate "C"
on conflict do nothing
"""
_LOCK_ORDERS = """
select o.shop, o.order_id, o.customer, o.revision, o.state_number, o.source, o.event_id, o.numbered, o.state,
       o.currency, o.goods_paid, o.freight
from unnest(cast(:shops as text[]), cast(:ids as text[])) as w(shop, order_id)
join orders o on o.shop = w.shop and o.order_id = w.order_id
order by o.shop collate "C", o.order_id collate "C"
for update of o
"""


async def save_orders(tx: Transaction, versions: Iterable[OrderRow]) -> None:
    """Keep of each order the version of the highest rank; the caller holds the orders' locks."""
    newest: dict[Named, OrderRow] = {}
    for version in versions:
        kept = newest.get(version.key)
        if kept is None or version.rank > kept.rank:
            newest[version.key] = version
    rows = [newest[key] for key in sorted(newest)]
    if not rows:
        return
    # The customer may be new although the version is not: an older one names who an order without a customer is of.
    await tx.execute(
        """
        with told as (
            select * from unnest(
                cast(:shop as text[]), cast(:order_id as text[]), cast(:customer as text[]),
                cast(:revision as bigint[]), cast(:state_number as smallint[]), cast(:source as text[]),
                cast(:event_id as text[]), cast(:numbered as boolean[]), cast(:state as text[]),
                cast(:currency as text[]), cast(:goods_paid as bigint[]), cast(:freight as bigint[]),
                cast(:at as timestamptz[]), cast(:body as json[]))
            as t(shop, order_id, customer, revision, state_number, source, event_id, numbered, state, currency,
                 goods_paid, freight, at, body)
        )
        update orders o set
            customer = t.customer, revision = t.revision, state_number = t.state_number, source = t.source,
            event_id = t.event_id, numbered = t.numbered, state = t.state, currency = t.currency,
            goods_paid = t.goods_paid, freight = t.freight, at = t.at, body = t.body
        from told t
        where o.shop = t.shop and o.order_id = t.order_id
          and (o.revision is null
               or (t.revision, t.state_number, t.source collate "C", t.event_id collate "C")
                > (o.revision, o.state_number, o.source collate "C", o.event_id collate "C"))
        """,
        **_columns(OrderRow._fields, rows),
    )


async def claim_orders(tx: Transaction, owners: Mapping[Named, str]) -> None:
    """Give orders without a customer, and their refunds, the customer who turned out to be theirs."""
    if not owners:
        return
    keys = sorted(owners)
    for table, counted in (("orders", "true"), ("refunds", "t.state = 'counted'")):
        await tx.execute(
            f"""
            update {table} t set customer = w.customer
            from unnest(cast(:shops as text[]), cast(:ids as text[]), cast(:customers as text[]))
                 as w(shop, order_id, customer)
            where t.shop = w.shop and t.order_id = w.order_id and {counted}
            """,
            shops=[k[0] for k in keys],
            ids=[k[1] for k in keys],
            customers=[owners[k] for k in keys],
        )


async def delete_untold(tx: Transaction, orders: Iterable[Named]) -> None:
    """Remove the rows of orders that were locked for nothing: not told, and no refund waits for them."""
    keys = sorted(set(orders))
    if keys:
        await tx.execute(
            """
            delete from orders o using unnest(cast(:shops as text[]), cast(:ids as text[])) as w(shop, order_id)
            where o.shop = w.shop and o.order_id = w.order_id and o.revision is null
              and not exists (select 1 from refunds r where r.shop = o.shop and r.order_id = o.order_id)
            """,
            shops=[k[0] for k in keys],
            ids=[k[1] for k in keys],
        )


async def lock_refunds(tx: Transaction, refunds: Iterable[Named]) -> set[Named]:
    """Lock the names of refunds, known or not, before any order; returns the orders that known ones belong to."""
    keys = sorted(set(refunds))
    if not keys:
        return set()
    names = {"shops": [k[0] for k in keys], "ids": [k[1] for k in keys]}
    # One of 256 locks each, sorted: one refund told for two orders at once is judged one after the other.
    await tx.fetch(
        """
        select pg_advisory_xact_lock(7301, bucket) from (
            select distinct abs(hashtext(w.shop || '/' || w.id) % 256) as bucket
            from unnest(cast(:shops as text[]), cast(:ids as text[])) as w(shop, id) order by 1
        ) as b
        """,
        **names,
    )
    rows = await tx.fetch(
        """
        select distinct r.shop, r.order_id
        from unnest(cast(:shops as text[]), cast(:ids as text[])) as w(shop, id)
        join refunds r on r.shop = w.shop and r.refund_id = w.id
        where r.order_id is not null
        """,
        **names,
    )
    return {(r.shop, r.order_id) for r in rows}


async def get_refunds(tx: Transaction, refunds: Iterable[Named], orders: Iterable[Named]) -> Sequence[Any]:
    """The refunds of these names, and all of these orders."""
    names, of = sorted(set(refunds)), sorted(set(orders))
    if not names and not of:
        return []
    return await tx.fetch(
        f"""
        select {_REFUND} from unnest(cast(:order_shops as text[]), cast(:orders as text[])) as w(shop, order_id)
        join refunds r on r.shop = w.shop and r.order_id = w.order_id
        union
        select {_REFUND} from unnest(cast(:shops as text[]), cast(:ids as text[])) as w(shop, id)
        join refunds r on r.shop = w.shop and r.refund_id = w.id
        order by shop, refund_id
        """,
        order_shops=[k[0] for k in of],
        orders=[k[1] for k in of],
        shops=[k[0] for k in names],
        ids=[k[1] for k in names],
    )


_REFUND = ", ".join(f"r.{name}" for name in RefundRow._fields)


async def save_refunds(tx: Transaction, refunds: Iterable[RefundRow]) -> None:
    """Each as it stands now; the caller holds the locks of their names and orders."""
    by_key = {(refund.shop, refund.refund_id): refund for refund in refunds}
    if not by_key:
        return
    columns = _columns(RefundRow._fields, [by_key[key] for key in sorted(by_key)])
    # What waited, or was set aside, and is told anew by another event: that it was claimed stays known.
    await tx.execute(
        """
        insert into replaced_refunds (shop, source, event_id)
        select r.shop, r.source, r.event_id
        from unnest(cast(:shop as text[]), cast(:refund_id as text[]), cast(:source as text[]),
                    cast(:event_id as text[])) as w(shop, refund_id, source, event_id)
        join refunds r on r.shop = w.shop and r.refund_id = w.refund_id
        where (r.source, r.event_id) <> (w.source, w.event_id)
        on conflict do nothing
        """,
        **{name: columns[name] for name in ("shop", "refund_id", "source", "event_id")},
    )
    await tx.execute(
        """
        insert into refunds (shop, refund_id, state, customer, order_id, amount, freight, currency, at, slug, source,
                             event_id, body)
        select * from unnest(
            cast(:shop as text[]), cast(:refund_id as text[]), cast(:state as text[]), cast(:customer as text[]),
            cast(:order_id as text[]), cast(:amount as bigint[]), cast(:freight as bigint[]),
            cast(:currency as text[]), cast(:at as timestamptz[]), cast(:slug as text[]), cast(:source as text[]),
            cast(:event_id as text[]), cast(:body as bytea[]))
        on conflict (shop, refund_id) do update set
            state = excluded.state, customer = excluded.customer, order_id = excluded.order_id,
            amount = excluded.amount, freight = excluded.freight, currency = excluded.currency, at = excluded.at,
            slug = excluded.slug, source = excluded.source, event_id = excluded.event_id, body = excluded.body
        """,
        **columns,
    )


async def list_refunds(tx: Transaction, shop: str, state: str | None, after: str, limit: int) -> Sequence[Any]:
    """The shop's refunds after an id, in order of id; of one state alone where it is given."""
    # By primary key; the few that count nothing by their own index, which their condition must name.
    chosen = {None: "true", "counted": "state = 'counted'"}.get(state, "state = :state and state <> 'counted'")
    return await tx.fetch(
        f"""
        select refund_id, order_id, customer, amount, freight, currency, at, state, slug from refunds
        where shop = :shop and refund_id > :after and {chosen}
        order by refund_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **({"state": state} if state in ("held", "set_aside") else {}),
    )


async def get_order(tx: Transaction, shop: str, order_id: str) -> Any:
    """One order as it stands, with its refunds; None where the shop has none of that name."""
    # The order, and what was paid back of it.
    return await tx.fetch_one(
        """
        select o.customer, o.order_id, o.revision, o.state, o.currency, o.goods_paid, o.freight, o.at,
               cast(o.body as text) as body,
               coalesce((select sum(r.amount) from refunds r
                         where r.shop = o.shop and r.order_id = o.order_id and r.state = 'counted'), 0) as refunded
        from orders o where o.shop = :shop and o.order_id = :order_id and o.revision is not null
        """,
        shop=shop,
        order_id=order_id,
    )


async def get_report(tx: Transaction, shop: str) -> dict[str, Any]:
    """The shop's totals: orders by state, revenue and refunds by currency (minor units), customers."""
    # Orders and what was paid, by currency and state.
    orders = await tx.fetch(
        """
        select currency, state, count(*) as orders, count(*) filter (where customer = '') as without_customer,
               sum(goods_paid) as goods_paid, sum(freight) as freight, min(at) as first, max(at) as last
        from orders where shop = :shop and revision is not null group by currency, state order by currency, state
        """,
        shop=shop,
    )
    # Refunds by currency, those of no known order apart.
    refunds = await tx.fetch(
        """
        select currency, count(*) as refunds, count(*) filter (where order_id is null) as unmatched,
               sum(amount) as amount, sum(freight) as freight
        from refunds where shop = :shop and state = 'counted' group by currency order by currency
        """,
        shop=shop,
    )
    # Customers who ordered or are known by a profile.
    customers = await tx.fetch_one(
        """
        select (select count(distinct customer) from orders
                where shop = :shop and customer <> '' and revision is not null) as buyers,
               (select count(*) from profiles where shop = :shop) as profiles,
               (select count(*) from customers where shop = :shop) as customers,
               (select count(*) from consents where shop = :shop and granted) as consents
        """,
        shop=shop,
    )
    assert customers is not None
    return {
        "shop": shop,
        "orders": [dict(r._mapping) for r in orders],
        "refunds": [dict(r._mapping) for r in refunds],
        **customers._mapping,
    }


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
