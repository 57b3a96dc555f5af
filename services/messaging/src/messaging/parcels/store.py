"""Parcel plans in versions, parcels that were planned, and scans of their inserts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.messages import ParcelPlanned
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.versions.table import VersionTable
from messaging.parcels.document import ParcelPlan

PLANS = VersionTable("parcel_plans", ParcelPlan, since="at", body="document")
_PARCELS = Columns(
    "n", shop="text", customer="text", order_id="text", version="integer", gift="boolean", show_price="boolean",
    at="timestamptz",
)  # fmt: skip
_PLANNED = Columns(
    "n", shop="text", customer="text", order_id="text", insert="text", place="integer", version="integer",
    at="timestamptz",
)  # fmt: skip
_SCANNED = Columns("n", shop="text", customer="text", order_id="text", insert="text", at="timestamptz")


async def save_planned(tx: Transaction, events: Iterable[Event[ParcelPlanned]]) -> None:
    """Keep the parcels, and what went into them. Idempotent."""
    planned = [(e.customer, e.data, e.time) for e in events]
    # One row an order.
    await tx.execute(
        f"""
        insert into parcels (shop, customer, order_id, version, gift, show_price, at) select * from {_PARCELS}
        on conflict do nothing
        """,
        **_PARCELS.of((*key, d.order_id, d.version, d.gift, d.show_price, at) for key, d, at in planned),
    )
    # One row an insert of an order.
    await tx.execute(
        f"""
        insert into parcel_inserts (shop, customer, order_id, insert, place, version, at) select * from {_PLANNED}
        on conflict do nothing
        """,
        **_PLANNED.of(
            (*key, d.order_id, insert, place, d.version, at)
            for key, d, at in planned
            for place, insert in enumerate(d.inserts)
        ),
    )


async def get_planned(tx: Transaction, people: Sequence[CustomerKey], order_id: str) -> Row[Any] | None:
    """The order's parcel as it was planned first, under whichever identifier of the person: `inserts` on top first."""
    # By primary keys.
    return await tx.fetch_one(
        """
        select p.customer, p.version, p.gift, p.show_price, p.at, array(
            select i.insert from parcel_inserts i
            where i.shop = p.shop and i.customer = p.customer and i.order_id = p.order_id order by i.place) as inserts
        from parcels p where p.shop = :shop and p.customer = any(:people) and p.order_id = :order_id
        order by p.at, p.customer limit 1
        """,
        shop=people[0][0],
        people=[name for _, name in people],
        order_id=order_id,
    )


async def save_scans(tx: Transaction, scans: Sequence[tuple[CustomerKey, str, str, datetime]]) -> int:
    """Note the first scan of each: (customer, order, insert, when); returns how many are new. Idempotent."""
    # The first that is read stays.
    return await tx.execute(
        f"""
        insert into insert_scans (shop, customer, order_id, insert, at) select * from {_SCANNED} on conflict do nothing
        """,
        **_SCANNED.of((*key, *rest) for key, *rest in scans),
    )


async def get_order(tx: Transaction, people: Sequence[CustomerKey], order_id: str) -> Row[Any] | None:
    """The newest version of an order of the person's: under which identifier, when it was first told of, and what is in
    it (ORD-040)."""
    # By primary key: an order has few versions.
    return await tx.fetch_one(
        """
        select customer, cast(said as text) as said, at, min(at) over () as first_at from order_news
        where shop = :shop and customer = any(:people) and order_id = :order_id and kind = 'version'
        order by cast(said ->> 'revision' as bigint) desc, at desc limit 1
        """,
        shop=people[0][0],
        people=[name for _, name in people],
        order_id=order_id,
    )


async def count_orders_before(tx: Transaction, people: Sequence[CustomerKey], order_id: str, at: datetime) -> int:
    """How many other orders the person had placed before an instant; those that were closed count, too."""
    # By primary key: a customer's orders.
    return int(
        await tx.value(
            """
            select count(distinct order_id) from order_news
            where shop = :shop and customer = any(:people) and kind = 'version' and order_id <> :order_id and at < :at
            """,
            shop=people[0][0],
            people=[name for _, name in people],
            order_id=order_id,
            at=at,
        )
    )


async def count_effects(tx: Transaction, shop: str, days: int) -> Sequence[Row[Any]]:
    """By insert: parcels that had it, those that were scanned, and persons who placed another order within so many days
    after the parcel was planned, under any of their identifiers (ORD-040)."""
    # The inserts of the shop, each with a probe of the person's orders by primary key; the merged are few.
    return await tx.fetch(
        """
        with recursive above as (
            select customer, merged_into as root from customers where shop = :shop and merged_into is not null
            union
            select a.customer, c.merged_into from above a join customers c on c.shop = :shop and c.customer = a.root
            where c.merged_into is not null
        ), roots as (
            select a.customer, a.root from above a join customers c on c.shop = :shop and c.customer = a.root
            where c.merged_into is null
        ), person as materialized (
            select customer, root from roots union select root, root from roots
        )
        select p.insert, count(*) as parcels, count(s.at) as scanned, count(*) filter (where again) as ordered_again,
            count(s.at) filter (where again) as scanned_and_ordered
        from parcel_inserts p left join insert_scans s using (shop, customer, order_id, insert)
        cross join lateral (select array(
            select p.customer union
            select b.customer from person a join person b using (root) where a.customer = p.customer) as names) w
        cross join lateral (select exists (
            select from order_news b where b.shop = p.shop and b.customer = any(w.names) and b.kind = 'version'
                and b.order_id <> p.order_id and b.at > p.at and b.at <= p.at + make_interval(days => :days)
                and not exists (select from order_news o where o.shop = b.shop and o.customer = any(w.names)
                    and o.order_id = b.order_id and o.kind = 'version' and o.at <= p.at)) as again) a
        where p.shop = :shop group by p.insert order by p.insert limit 1000
        """,
        shop=shop,
        days=days,
    )
