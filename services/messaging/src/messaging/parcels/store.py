"""Parcel plans in versions, parcels that were planned, and scans of their inserts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.versions.table import VersionTable
from messaging.parcels.document import ParcelPlan

PLANS = VersionTable("parcel_plans", ParcelPlan, since="at", body="document")
_PLANNED = Columns(
    "n", shop="text", customer="text", order_id="text", insert="text", place="integer", version="integer",
    at="timestamptz",
)  # fmt: skip
_SCANNED = Columns("n", shop="text", customer="text", order_id="text", insert="text", at="timestamptz")


async def save_planned(tx: Transaction, planned: Sequence[tuple[CustomerKey, str, str, int, int, datetime]]) -> None:
    """Keep what went into parcels: (customer, order, insert, place, version, when). Idempotent."""
    # One row an insert of an order.
    await tx.execute(
        f"""
        insert into parcel_inserts (shop, customer, order_id, insert, place, version, at) select * from {_PLANNED}
        on conflict do nothing
        """,
        **_PLANNED.of((*key, *rest) for key, *rest in planned),
    )


async def list_planned(tx: Transaction, key: CustomerKey, order_id: str) -> Sequence[Row[Any]]:
    """The inserts of the order's parcel as they were planned, on top first."""
    # By primary key.
    return await tx.fetch(
        """
        select p.insert, p.place, p.version, p.at, s.at as scanned_at
        from parcel_inserts p left join insert_scans s using (shop, customer, order_id, insert)
        where p.shop = :shop and p.customer = :customer and p.order_id = :order_id order by p.place
        """,
        shop=key[0],
        customer=key[1],
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


async def get_order(tx: Transaction, key: CustomerKey, order_id: str) -> Row[Any] | None:
    """The newest version of an order of the customer's: when it was first told of, and what is in it."""
    # By primary key: an order has few versions.
    return await tx.fetch_one(
        """
        select cast(said as text) as said, at, min(at) over () as first_at from order_news
        where shop = :shop and customer = :customer and order_id = :order_id and kind = 'version'
        order by cast(said ->> 'revision' as bigint) desc, at desc limit 1
        """,
        shop=key[0],
        customer=key[1],
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
    """By insert: parcels that had it, those that were scanned, and customers who placed another order within so many
    days after the parcel was planned."""
    # The inserts of the shop, each with a probe of the customer's orders by primary key.
    return await tx.fetch(
        """
        select p.insert, count(*) as parcels, count(s.at) as scanned, count(*) filter (where again) as ordered_again,
            count(s.at) filter (where again) as scanned_and_ordered
        from parcel_inserts p left join insert_scans s using (shop, customer, order_id, insert)
        cross join lateral (select exists (
            select from order_news b where b.shop = p.shop and b.customer = p.customer and b.kind = 'version'
                and b.order_id <> p.order_id and b.at > p.at and b.at <= p.at + make_interval(days => :days)
                and not exists (select from order_news o where o.shop = b.shop and o.customer = b.customer
                    and o.order_id = b.order_id and o.kind = 'version' and o.at <= p.at)) as again) a
        where p.shop = :shop group by p.insert order by p.insert limit 1000
        """,
        shop=shop,
        days=days,
    )
