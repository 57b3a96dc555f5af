"""The snapshot of what is owed by month of expiry: taken from the lots a page of customers at a time, kept whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.histories.ranges import within
from membership.liability.rules import Ended

_MONTHS = Columns("w", shop="text", month="date", points="bigint", lots="bigint")


async def lots_of_page(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Available points of the customers behind `after` through `last`: by shop and instant of expiry."""
    condition, bounds = within(after, last)
    # Customers who have points, then a range of the primary key of items for each: `0` is what follows `/`.
    return await tx.fetch(
        f"""
        with c as materialized (select shop, customer from customers where {condition} and available > 0),
        lots as (
            select c.shop, cast(i.body as jsonb) -> 'lot' as lot
            from c join items i on i.shop = c.shop and i.customer = c.customer
                 and i.name >= 'lot/' collate "C" and i.name < 'lot0' collate "C"
        )
        select shop, cast(lot ->> 'expires' as timestamptz) as expires,
               cast(sum(cast(lot ->> 'available' as bigint)) as bigint) as points, count(*) as lots
        from lots where lot ->> 'available' is not null group by 1, 2
        """,
        **bounds,
    )


async def ended_of_page(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> dict[str, Ended]:
    """By shop, what has become of the points of these customers that have ended."""
    condition, bounds = within(after, last)
    # The customers' own states, by the primary key.
    rows = await tx.fetch(
        f"""
        with ended as (
            select shop, coalesce(cast(state -> 'points' ->> 'expired' as numeric), 0) as e,
                   coalesce(cast(state -> 'points' ->> 'redeemed' as numeric), 0) as r
            from customers where {condition}
        )
        select shop, count(*) as members, sum(e) as expired, sum(r) as redeemed, sum(e * e) as expired_squared,
               sum(r * r) as redeemed_squared, sum(e * r) as product
        from ended where e + r > 0 group by shop
        """,
        **bounds,
    )
    return {row.shop: Ended(*(int(getattr(row, name)) for name in Ended._fields)) for row in rows}


async def newest(tx: Transaction) -> datetime | None:
    """When the newest snapshot was begun."""
    # One row a shop.
    found: datetime | None = await tx.value("select max(as_of) from liability_totals")
    return found


async def save_snapshot(
    tx: Transaction, as_of: datetime, months: Iterable[tuple[str, date, int, int]], ended: dict[str, Ended]
) -> None:
    """Put this snapshot of all shops in the place of the one before."""
    # Closes the race of two processes that have come round at once: the second waits, and replaces the first's.
    await tx.execute("lock table liability_totals in share row exclusive mode")
    # The snapshot is whole, so that a month without points has no row.
    await tx.execute("delete from liability_months")
    # Some hundred rows a shop at most.
    await tx.execute(
        f"insert into liability_months (shop, month, points, lots) select * from {_MONTHS}", **_MONTHS.of(months)
    )
    await tx.execute("delete from liability_totals")
    await tx.copy(
        "liability_totals", ("shop", "as_of", *Ended._fields), [(shop, as_of, *sums) for shop, sums in ended.items()]
    )


async def get_snapshot(tx: Transaction, shop: str) -> tuple[datetime | None, Ended, Sequence[Row[Any]]]:
    """When it was begun (None: there is none yet), what has ended, and the months in order."""
    # By the primary keys.
    totals = await tx.fetch_one("select * from liability_totals where shop = :shop", shop=shop)
    months = await tx.fetch(
        "select month, points, lots from liability_months where shop = :shop order by month", shop=shop
    )
    if totals is None:
        return None, Ended(), months
    return totals.as_of, Ended(*(int(getattr(totals, name)) for name in Ended._fields)), months
