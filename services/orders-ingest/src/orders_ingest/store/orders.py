"""How do orders and refunds stand? One row each; the newest version of an order counts, never the last to arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.db import Transaction

OrderKey = tuple[str, str, str]
"""(shop, customer or '', order)."""


class OrderRow(NamedTuple):
    """One version of an order; `body` is its data as JSON text, personal fields sealed, amounts in minor units."""

    shop: str
    customer: str
    order_id: str
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
    def key(self) -> OrderKey:
        return self.shop, self.customer, self.order_id

    @property
    def rank(self) -> tuple[int, int, str, str]:
        return self.revision, self.state_number, self.source, self.event_id


class RefundRow(NamedTuple):
    shop: str
    customer: str
    refund_id: str
    order_id: str | None
    amount: int
    freight: int
    currency: str
    reason: str | None
    at: datetime

    @property
    def key(self) -> OrderKey:
        return self.shop, self.customer, self.refund_id


class Known(NamedTuple):
    """Whose order this is, and whether its versions are numbered by the shop."""

    customer: str
    numbered: bool


async def get_known(tx: Transaction, orders: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """What is stored of the orders, by (shop, order)."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    # Whose each order is, as the first of its versions said.
    rows = await tx.fetch(
        """
        select o.shop, o.order_id, o.customer, o.numbered
        from unnest(cast(:shops as text[]), cast(:ids as text[])) as w(shop, order_id)
        join orders o on o.shop = w.shop and o.order_id = w.order_id
        """,
        shops=[w[0] for w in wanted],
        ids=[w[1] for w in wanted],
    )
    return {(r.shop, r.order_id): Known(r.customer, r.numbered) for r in rows}


async def save_orders(tx: Transaction, versions: Iterable[OrderRow]) -> None:
    """Keep of each order the version of the highest rank, in whatever order they come."""
    newest: dict[OrderKey, OrderRow] = {}
    for version in versions:
        kept = newest.get(version.key)
        if kept is None or version.rank > kept.rank:
            newest[version.key] = version
    rows = [newest[key] for key in sorted(newest)]
    if not rows:
        return
    # Sorted by key, so that two writers of orders without a customer never wait for each other in a circle.
    await tx.execute(
        """
        insert into orders (shop, customer, order_id, revision, state_number, source, event_id, numbered, state,
                            currency, goods_paid, freight, at, body)
        select * from unnest(
            cast(:shop as text[]), cast(:customer as text[]), cast(:order_id as text[]), cast(:revision as bigint[]),
            cast(:state_number as smallint[]), cast(:source as text[]), cast(:event_id as text[]),
            cast(:numbered as boolean[]), cast(:state as text[]), cast(:currency as text[]),
            cast(:goods_paid as bigint[]), cast(:freight as bigint[]), cast(:at as timestamptz[]),
            cast(:body as json[]))
        on conflict (shop, customer, order_id) do update set
            revision = excluded.revision, state_number = excluded.state_number, source = excluded.source,
            event_id = excluded.event_id, state = excluded.state, currency = excluded.currency,
            goods_paid = excluded.goods_paid, freight = excluded.freight, at = excluded.at, body = excluded.body
        where (excluded.revision, excluded.state_number, excluded.source collate "C", excluded.event_id collate "C")
            > (orders.revision, orders.state_number, orders.source collate "C", orders.event_id collate "C")
        """,
        **_columns(OrderRow._fields, rows),
    )


async def insert_refunds(tx: Transaction, refunds: Sequence[RefundRow]) -> set[OrderKey]:
    """Insert those that are not known; returns their keys (shop, customer, refund)."""
    if not refunds:
        return set()
    by_key = {refund.key: refund for refund in refunds}
    # Whoever tells a refund first owns it; a second event for it changes nothing.
    rows = await tx.fetch(
        """
        insert into refunds (shop, customer, refund_id, order_id, amount, freight, currency, reason, at)
        select * from unnest(
            cast(:shop as text[]), cast(:customer as text[]), cast(:refund_id as text[]), cast(:order_id as text[]),
            cast(:amount as bigint[]), cast(:freight as bigint[]), cast(:currency as text[]), cast(:reason as text[]),
            cast(:at as timestamptz[]))
        on conflict do nothing
        returning shop, customer, refund_id
        """,
        **_columns(RefundRow._fields, [by_key[key] for key in sorted(by_key)]),
    )
    return {(r.shop, r.customer, r.refund_id) for r in rows}


async def get_order(tx: Transaction, shop: str, order_id: str) -> Any:
    """One order as it stands, with its refunds; None where the shop has none of that name."""
    # The order, and what was paid back of it.
    return await tx.fetch_one(
        """
        select o.customer, o.order_id, o.revision, o.state, o.currency, o.goods_paid, o.freight, o.at,
               cast(o.body as text) as body,
               coalesce((select sum(r.amount) from refunds r
                         where r.shop = o.shop and r.customer = o.customer and r.order_id = o.order_id), 0) as refunded
        from orders o where o.shop = :shop and o.order_id = :order_id
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
        from orders where shop = :shop group by currency, state order by currency, state
        """,
        shop=shop,
    )
    # Refunds by currency, those of no known order apart.
    refunds = await tx.fetch(
        """
        select currency, count(*) as refunds, count(*) filter (where order_id is null) as unmatched,
               sum(amount) as amount, sum(freight) as freight
        from refunds where shop = :shop group by currency order by currency
        """,
        shop=shop,
    )
    # Customers who ordered or are known by a profile.
    customers = await tx.fetch_one(
        """
        select (select count(distinct customer) from orders where shop = :shop and customer <> '') as buyers,
               (select count(*) from profiles where shop = :shop) as profiles,
               (select count(*) from customers where shop = :shop) as customers,
               (select count(*) from consents where shop = :shop and granted) as consents
        """,
        shop=shop,
    )
    assert customers is not None
    return {
        "shop": shop,
        "orders": [_plain(r) for r in orders],
        "refunds": [_plain(r) for r in refunds],
        **_plain(customers),
    }


def _plain(row: Any) -> dict[str, Any]:
    """A row as JSON takes it: sums are whole numbers, instants RFC 3339."""
    found: dict[str, Any] = {}
    for name, value in row._mapping.items():
        if isinstance(value, datetime):
            found[name] = value.isoformat()
        else:
            found[name] = value if isinstance(value, str) or value is None else int(value)
    return found


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
