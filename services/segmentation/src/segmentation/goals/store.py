"""Versions of goals, the key figures they are about, and the buyers that forecasts are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from common.events.segments import GoalKpi
from common.storage.database import Transaction
from segmentation.goals.measuring import Bought, bought_of
from segmentation.goals.state import Goal

SAMPLE = 20_000
"""About so many buyers forecasts are made of: of a larger shop a random share, by a hash of the id."""


async def lock_goals(tx: Transaction, shop: str) -> None:
    """Wait until nobody else sets goals of the shop, and let nobody begin before the commit."""
    await tx.fetch("select pg_advisory_xact_lock(7301013, hashtext(:shop))", shop=shop)


async def get_goals(tx: Transaction, shop: str) -> dict[str, tuple[int, datetime, Goal]]:
    """The newest version of each goal, those that are archived included: number, since when, and what it says."""
    # Few rows a shop.
    rows = await tx.fetch(
        """
        select distinct on (goal) goal, version, valid_from, cast(body as text) as body
        from goals where shop = :shop order by goal, version desc
        """,
        shop=shop,
    )
    return {row.goal: (row.version, row.valid_from, Goal.model_validate_json(row.body)) for row in rows}


async def insert_goal(tx: Transaction, shop: str, goal: str, version: int, valid_from: datetime, body: Goal) -> None:
    """Add a version. Idempotent."""
    # The primary key lets one of two writers of the same version through.
    await tx.execute(
        """
        insert into goals (shop, goal, version, valid_from, body)
        values (:shop, :goal, :version, :valid_from, cast(:body as jsonb)) on conflict do nothing
        """,
        shop=shop,
        goal=goal,
        version=version,
        valid_from=valid_from,
        body=body.model_dump_json(),
    )


async def value_of(tx: Transaction, shop: str, kpi: GoalKpi, since: date, until: date, currency: str) -> Decimal | None:
    """The key figure of [since, until) from all customers; None: a ratio of nothing."""
    asked = {"shop": shop, "since": since, "until": until}
    if kpi == "positive_reviews":
        # The period by the index on days.
        found = await tx.value(
            """
            select 100.0 * count(*) filter (where stars >= 4) / nullif(count(stars), 0) from reviews
            where shop = :shop and day >= :since and day < :until
            """,
            **asked,
        )
    elif kpi in ("new_buyers", "referred_buyers"):
        # One pass over the shop's customers, states are not read; referrals by primary key.
        found = await tx.value(
            f"""
            select count(*) from customers c
            where c.shop = :shop and c.first_day >= :first_since and c.first_day < :first_until
            {_REFERRED if kpi == "referred_buyers" else ""}
            """,
            shop=shop,
            first_since=since.isoformat(),
            first_until=until.isoformat(),
        )
    else:
        # The period by the index on days.
        found = await tx.value(
            f"""
            select {_SUMS[kpi]} from (
                select sum(orders) as n, sum(paid - refunded) filter (where currency = :currency) as net from sales
                where shop = :shop and day >= :since and day < :until and gone is null and orders > 0 group by customer
            ) b where cast(:currency as text) is not null
            """,
            currency=currency,
            **asked,
        )
    return None if found is None else Decimal(found).quantize(Decimal("0.01"))


async def sample_bought(tx: Transaction, shop: str, since: date, currency: str, *, referred: bool) -> Bought:
    """What some of the shop's buyers bought by day, `since` and later: all of them in a shop of few."""
    of = _REFERRED if referred else ""
    # Two passes over the shop's customers, states are not read; what was bought by primary key.
    buyers = await tx.value(
        f"select count(*) from customers c where c.shop = :shop and c.completed_orders > 0 {of}", shop=shop
    )
    rows: Sequence[Any] = await tx.fetch(
        f"""
        select c.customer, s.day, cast(sum(s.orders) as bigint) as orders,
               cast(coalesce(sum(s.paid - s.refunded) filter (where s.currency = :currency), 0) as bigint) as net,
               cast(c.first_day as date) as first
        from customers c join sales s on s.shop = c.shop and s.customer = c.customer
        where c.shop = :shop and c.completed_orders > 0 {of}
          and (hashtext(c.customer) & 2147483647) % cast(:share as integer) = 0
          and s.day >= :since and s.gone is null and s.orders > 0
        group by c.customer, c.first_day, s.day
        """,
        shop=shop,
        since=since,
        currency=currency,
        share=max(1, int(buyers) // SAMPLE),
    )
    return bought_of((row.customer, row.day, row.orders, row.net, row.first) for row in rows)


_REFERRED = """
and exists (
    select from referrals r where r.shop = c.shop and r.confirmed and (r.customer = c.customer or r.customer in (
        select p.customer from people p where p.shop = c.shop and p.person = c.customer
    ))
)
"""
_SUMS = {
    "orders": "cast(coalesce(sum(n), 0) as bigint)",
    "net": "cast(coalesce(sum(net), 0) as bigint)",
    "buyers": "count(*)",
    "repurchase_rate": "100.0 * count(*) filter (where n >= 2) / nullif(count(*), 0)",
    "orders_per_buyer": "avg(n)",
}
