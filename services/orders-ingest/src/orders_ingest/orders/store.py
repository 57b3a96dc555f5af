"""SQL of orders as they are taken: one row each, the newest version; and their numbers among a customer's (ORD-002)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import starmap
from typing import Any, NamedTuple

from common.events import CustomerKey, Event
from common.events.orders import OrderCompleted, OrderEvent
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.orders.due import first_due
from orders_ingest.orders.state import KnownOrder, Named, Rank
from orders_ingest.versions.rules import state_bit, state_number


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
    reached: int
    paid_told_at: datetime | None
    shipped_told_at: datetime | None
    delivered_told_at: datetime | None
    promised_by: datetime | None
    promised_revision: int | None
    promised_state: int | None
    due_at: datetime | None

    @property
    def key(self) -> Named:
        return self.shop, self.order_id

    @property
    def rank(self) -> Rank:
        return self.revision, self.state_number, self.source, self.event_id

    def beside(self, other: OrderRow) -> OrderRow:
        """This version, with the states and times in which both were told, and the newest promise."""
        newest = self if self.promise >= other.promise else other
        return self._replace(
            reached=self.reached | other.reached,
            paid_told_at=_earliest(self.paid_told_at, other.paid_told_at),
            shipped_told_at=_earliest(self.shipped_told_at, other.shipped_told_at),
            delivered_told_at=_earliest(self.delivered_told_at, other.delivered_told_at),
            promised_by=newest.promised_by,
            promised_revision=newest.promised_revision,
            promised_state=newest.promised_state,
        )

    @property
    def promise(self) -> tuple[int, int, datetime] | tuple[()]:
        """By which the newest promise is known; empty where the version makes none."""
        if self.promised_by is None or self.promised_revision is None or self.promised_state is None:
            return ()
        return self.promised_revision, self.promised_state, self.promised_by


def _earliest(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


_PROMISED = ("promised_by", "promised_revision", "promised_state")
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
    reached="smallint",
    paid_told_at="timestamptz",
    shipped_told_at="timestamptz",
    delivered_told_at="timestamptz",
    promised_by="timestamptz",
    promised_revision="bigint",
    promised_state="smallint",
    due_at="timestamptz",
)


_NEW_PROMISE = """
(n.promised_by is not null and (o.promised_by is null
 or (n.promised_revision, n.promised_state, n.promised_by) > (o.promised_revision, o.promised_state, o.promised_by)))
"""
_PROMISE = "coalesce(n.promised_by, o.promised_by)"
"""Every version wakes its order at the promise: it may have changed what became of it."""
_TOLD = f"""
reached = o.reached | n.reached, paid_told_at = least(o.paid_told_at, n.paid_told_at),
shipped_told_at = least(o.shipped_told_at, n.shipped_told_at),
delivered_told_at = least(o.delivered_told_at, n.delivered_told_at),
{", ".join(f"{name} = case when {_NEW_PROMISE} then n.{name} else o.{name} end" for name in _PROMISED)}
"""
"""States in which the order was told, and when first, and the newest promise: of any version, in whatever order they
come."""
CUSTOMERS = Columns("w", shop="text", customer="text")
NUMBERS = Columns("n", shop="text", order_id="text", customer="text", sequence="bigint")
_LAST = """
coalesce((select max(c.sequence) from completed_orders c where c.shop = w.shop and c.customer = w.customer), 0)
"""


async def lock_orders(tx: Transaction, orders: Mapping[Named, str]) -> dict[Named, KnownOrder]:
    """Lock the orders; those of which a version came. The values are the customers of new ones, '' nobody.

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
    # One after the other in order of key, by primary key whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select o.* from {WANTED} cross join lateral (
            select k.shop, k.order_id, k.customer, k.revision, k.state_number, k.source, k.event_id, k.numbered,
                   k.state, k.currency, k.goods_paid, k.freight, k.reached
            from orders k where k.shop = w.shop and k.order_id = w.order_id for update
        ) o
        """,
        **WANTED.of(keys),
    )
    return {(r.shop, r.order_id): _known(r) for r in rows if r.revision is not None}


def _known(row: Any) -> KnownOrder:
    rank = row.revision, row.state_number, row.source, row.event_id
    return KnownOrder(
        row.customer,
        row.numbered,
        rank,
        row.state,
        row.currency,
        row.goods_paid,
        row.freight,
        reached=row.reached,
    )


async def save_orders(tx: Transaction, versions: Iterable[tuple[Event[OrderEvent], str]]) -> None:
    """Keep of each order the version of the highest rank, as published, with its data in JSON.

    The caller holds the orders' locks.
    """
    newest: dict[Named, OrderRow] = {}
    for version in starmap(_row, versions):
        kept = newest.get(version.key)
        if kept is None:
            newest[version.key] = version
        else:
            newest[version.key] = version.beside(kept) if version.rank > kept.rank else kept.beside(version)
    if not newest:
        return
    columns = VERSIONS.of(newest[key] for key in sorted(newest))
    # Where the row's own version is the newer one, it stays.
    saved = await tx.execute(
        f"""
        update orders o set
            customer = case when n.customer = '' then o.customer else n.customer end,
            revision = n.revision, state_number = n.state_number, source = n.source, event_id = n.event_id,
            numbered = n.numbered, state = n.state, currency = n.currency, goods_paid = n.goods_paid,
            freight = n.freight, at = n.at, body = n.body,
            due_at = least(n.due_at, case when n.state <> 'closed' then {_PROMISE} end),
            {_TOLD}
        from {VERSIONS}
        where o.shop = n.shop and o.order_id = n.order_id
          and (o.revision is null
               or (n.revision, n.state_number, n.source collate "C", n.event_id collate "C")
                > (o.revision, o.state_number, o.source collate "C", o.event_id collate "C"))
        """,
        **columns,
    )
    if saved < len(newest):
        # Of late versions it is kept that the order was told in their states, when it reached them, and their promise.
        await tx.execute(
            f"""
            update orders o set {_TOLD}, due_at = least(o.due_at, case when o.state <> 'closed' then {_PROMISE} end)
            from {VERSIONS}
            where o.shop = n.shop and o.order_id = n.order_id
              and ((o.reached | n.reached) <> o.reached or n.paid_told_at < o.paid_told_at
                   or n.shipped_told_at < o.shipped_told_at or n.delivered_told_at < o.delivered_told_at
                   or {_NEW_PROMISE})
            """,
            **columns,
        )


def _row(event: Event[OrderEvent], body: str) -> OrderRow:
    data = event.data
    return OrderRow(
        shop=event.shop,
        order_id=data.order_id,
        customer=event.subject or "",
        revision=data.revision,
        state_number=state_number(event),
        source=event.source,
        event_id=event.id,
        numbered=data.version is not None,
        state=data.state,
        currency=data.currency,
        goods_paid=data.goods_paid,
        freight=data.freight,
        at=event.time,
        body=body,
        reached=state_bit(data.state),
        paid_told_at=event.time if data.state == "paid" else None,
        shipped_told_at=event.time if data.state == "shipped" else None,
        delivered_told_at=event.time if data.state == "delivered" else None,
        promised_by=data.promised_by,
        promised_revision=data.revision if data.promised_by is not None else None,
        promised_state=state_number(event) if data.promised_by is not None else None,
        due_at=first_due(data, event.time),
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


async def number_completed(
    tx: Transaction, events: Iterable[Event[Any]], owners: Mapping[Named, str]
) -> dict[Named, int]:
    """The number of each order that these events complete for a customer; other events are passed over.

    An order without a number gets the next free one of its customer; those of one list in order of time. The caller
    holds the locks of the orders and customers, so nobody else numbers them meanwhile; unique indexes make sure.
    """
    found = sorted(
        (event for event in events if isinstance(event.data, OrderCompleted) and event.subject is not None),
        key=lambda event: event.order_key,
    )
    orders = [(event.shop, event.data.order_id) for event in found]
    customers = {order: (order[0], owners[order]) for order in orders}
    if not customers:
        return {}
    numbers = await get_numbers(tx, customers)
    new = [order for order in customers if order not in numbers]
    if not new:
        return numbers
    last = await last_numbers(tx, sorted({customers[order] for order in new}))
    for order in new:
        last[customers[order]] += 1
        numbers[order] = last[customers[order]]
    await insert_numbers(tx, [(*order, customers[order][1], numbers[order]) for order in new])
    return numbers


async def get_numbers(tx: Transaction, orders: Iterable[Named]) -> dict[Named, int]:
    """The numbers that were given; the caller holds the orders' locks."""
    rows = await tx.fetch(
        f"""
        select c.shop, c.order_id, c.sequence
        from {WANTED} join completed_orders c on c.shop = w.shop and c.order_id = w.order_id
        """,
        **WANTED.of(orders),
    )
    return {(row.shop, row.order_id): row.sequence for row in rows}


async def last_numbers(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, int]:
    """After which number each customer's next order is numbered, 0 before the first; under the customers' locks."""
    # The greatest is the end of an index, however many orders a customer has.
    rows = await tx.fetch(f"select w.shop, w.customer, {_LAST} as last from {CUSTOMERS}", **CUSTOMERS.of(customers))
    return {(row.shop, row.customer): row.last for row in rows}


async def insert_numbers(tx: Transaction, numbers: Sequence[tuple[str, str, str, int]]) -> None:
    """Keep numbers just given: (shop, order, customer, number). A number given twice breaks a unique index."""
    await tx.execute(
        f"insert into completed_orders (shop, order_id, customer, sequence) select * from {NUMBERS}",
        **NUMBERS.of(numbers),
    )
