"""How are the shops' figures computed, kept and read?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Row

from common.calendar import add_months
from common.db import CustomerKey, Transaction
from common.shops import get_shops
from segmentation.domain.figures import Figures, Shop, Tally, add_up, shop_with
from segmentation.domain.rfm import WINDOW_MONTHS

_LOCK = 7_301_005


async def get_shops_with_figures(tx: Transaction, shops: Iterable[str]) -> dict[str, Shop]:
    """The shops as folds need them. Until this transaction ends no new figures are committed.

    So who folds knows all figures there are, or commits before they are stored, and then is found by `waited`.
    """
    # Shared by all who fold; `insert_figures` takes it alone.
    await tx.execute("select pg_advisory_xact_lock_shared(:lock)", lock=_LOCK)
    return await read_shops(tx, shops)


async def read_shops(tx: Transaction, shops: Iterable[str]) -> dict[str, Shop]:
    """The shops with the figures that are stored now; more may be stored meanwhile, so not for folding."""
    wanted = sorted(set(shops))
    settings = await get_shops(tx, set(wanted))
    # All figures of the shops, oldest first.
    rows = await tx.fetch(
        """
        select shop, month, as_of, gaps, median_gap_doubled, buyers, recency_sum, frequency_sum,
               cast(monetary as text) as monetary
        from shop_figures where shop = any(:shops) order by shop, month
        """,
        shops=wanted,
    )
    figures: dict[str, list[Figures]] = {shop: [] for shop in wanted}
    for row in rows:
        figures[row.shop].append(_figures(row))
    now = tx.clock.now()
    return {shop: shop_with(settings[shop].zone, figures[shop], now) for shop in wanted}


async def list_shops(tx: Transaction) -> list[str]:
    """Every shop that has a customer."""
    # Hops from shop to shop along the primary key instead of reading every customer.
    rows = await tx.fetch(
        """
        with recursive found as (
            (select shop from customers order by shop limit 1)
            union all
            select (select c.shop from customers c where c.shop > found.shop order by c.shop limit 1)
            from found where found.shop is not null
        )
        select shop from found where shop is not null
        """
    )
    return [row.shop for row in rows]


async def compute_figures(tx: Transaction, shop: str, month: date, zone: ZoneInfo, portion: int = 20_000) -> Figures:
    """The figures by what happened before `month` and is known now.

    In portions of customers, so that no statement of a large shop runs into its deadline.
    """
    # The portion's sorts stay in memory, in this transaction alone.
    await tx.execute("set local work_mem = '32MB'")
    tallies, after = list[Tally](), ""
    while True:
        # The last customer of the portion; none when fewer are left.
        last = await tx.value(
            """
            select customer from customers where shop = :shop and customer > :after
            order by customer offset :skipped limit 1
            """,
            shop=shop,
            after=after,
            skipped=portion - 1,
        )
        row = await tx.fetch_one(
            _TALLY, shop=shop, after=after, last=last, month=month, since=add_months(month, -WINDOW_MONTHS)
        )
        if row is not None:
            tallies.append(_tally(row))
        if last is None:
            return add_up(tallies, month, zone)
        after = last


async def insert_figures(tx: Transaction, shop: str, figures: Figures) -> bool:
    """Store what was computed; False when another process was first. Waits until nobody is folding.

    Not in a transaction that has folded: two that hold the lock shared would wait for each other for ever.
    """
    await tx.execute("select pg_advisory_xact_lock(:lock)", lock=_LOCK)
    # Stored once and for ever: folds that used them must find them again.
    inserted = await tx.execute(
        """
        insert into shop_figures (shop, month, as_of, gaps, median_gap_doubled, buyers, recency_sum, frequency_sum,
                                  monetary)
        values (:shop, :month, :as_of, :gaps, :median_gap_doubled, :buyers, :recency_sum, :frequency_sum,
                cast(:monetary as jsonb))
        on conflict (shop, month) do nothing
        """,
        shop=shop,
        month=figures.month,
        as_of=figures.as_of,
        gaps=figures.gaps,
        median_gap_doubled=figures.median_gap_doubled,
        buyers=figures.buyers,
        recency_sum=figures.recency_sum,
        frequency_sum=figures.frequency_sum,
        monetary=orjson.dumps(figures.monetary).decode(),
    )
    return inserted == 1


async def lock_waiting(tx: Transaction, shop: str, month: date, limit: int) -> list[CustomerKey]:
    """Customers who were folded past the start of `month`, or an earlier one, before its figures were known."""
    # Whoever is held by somebody else is left for the next bite.
    rows = await tx.fetch(
        """
        select shop, customer from customers
        where shop = :shop and waited is not null and waited collate "C" <= :month
        order by shop, customer limit :limit
        for update skip locked
        """,
        shop=shop,
        month=month.isoformat(),
        limit=limit,
    )
    return [(row.shop, row.customer) for row in rows]


async def count_waiting(tx: Transaction, shop: str, month: date) -> int:
    """How many customers are still to be folded anew with figures that are known."""
    # Answered from the small partial index.
    count = await tx.value(
        """
        select count(*) from customers where shop = :shop and waited is not null and waited collate "C" <= :month
        """,
        shop=shop,
        month=month.isoformat(),
    )
    return int(count)


def _figures(row: Row[Any]) -> Figures:
    return Figures(
        month=row.month,
        as_of=row.as_of,
        gaps=row.gaps,
        median_gap_doubled=row.median_gap_doubled,
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=_monetary(row.monetary),
    )


def _tally(row: Row[Any]) -> Tally:
    return Tally(
        gaps={int(days): int(count) for days, count in orjson.loads(row.gaps).items()},
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=_monetary(row.monetary),
    )


def _monetary(stored: str) -> dict[str, tuple[int, int]]:
    return {currency: (int(total), int(count)) for currency, (total, count) in orjson.loads(stored).items()}


# One row, of a portion of the shop's customers: gaps over all time, and R, F, M over the window, from the histories in
# the customers' states. Orders and refunds are arrays read by position: the fields of domain.state.CompletedOrder and
# Refund. `domain.figures.tally_of` says the same in Python.
_TALLY = """
with bought as materialized (
    select c.customer, o.place, o.item ->> 0 as order_id, cast(o.item ->> 2 as date) as day,
           cast(o.item ->> 3 as bigint) as paid, o.item ->> 4 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'orders') with ordinality as o(item, place)
    where c.shop = :shop and c.customer > :after and c.customer <= coalesce(cast(:last as text), c.customer)
      and c.completed_orders > 0 and cast(o.item ->> 2 as date) < :month
),
given_back as (
    select c.customer, r.item ->> 1 as order_id, cast(r.item ->> 3 as date) as day,
           cast(r.item ->> 4 as bigint) as amount, r.item ->> 5 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'refunds') as r(item)
    where c.shop = :shop and c.customer > :after and c.customer <= coalesce(cast(:last as text), c.customer)
      and c.completed_orders > 0 and cast(r.item ->> 3 as date) < :month
),
gaps as (
    select day - lag(day) over (partition by customer order by day) as gap
    from (select distinct customer, day from bought) as days
),
by_length as (select gap, count(*) as gaps from gaps where gap is not null group by gap),
measured as (
    select customer, max(day) as last_day, count(*) as frequency,
           (array_agg(currency order by place desc))[1] as currency
    from bought where day >= :since group by customer
),
order_refunds as (
    select customer, order_id, currency, sum(amount) as amount
    from given_back where order_id is not null group by customer, order_id, currency
),
paid as (
    select m.customer, sum(greatest(b.paid - coalesce(r.amount, 0), 0)) as paid
    from measured m
    join bought b on b.customer = m.customer and b.day >= :since and b.currency = m.currency
    left join order_refunds r on r.customer = b.customer and r.order_id = b.order_id and r.currency = b.currency
    group by m.customer
),
unmatched as (
    select customer, currency, sum(amount) as amount
    from given_back where order_id is null and day >= :since group by customer, currency
),
spent as (
    select m.customer, m.currency, greatest(p.paid - coalesce(u.amount, 0), 0) as monetary
    from measured m
    join paid p on p.customer = m.customer
    left join unmatched u on u.customer = m.customer and u.currency = m.currency
),
by_currency as (select currency, sum(monetary) as total, count(*) as buyers from spent group by currency)
select (select cast(coalesce(jsonb_object_agg(gap, gaps), '{}') as text) from by_length) as gaps,
       (select count(*) from measured) as buyers,
       (select coalesce(sum(cast(:month as date) - last_day), 0) from measured) as recency_sum,
       (select cast(coalesce(sum(frequency), 0) as bigint) from measured) as frequency_sum,
       (select cast(coalesce(jsonb_object_agg(currency, jsonb_build_array(total, buyers)), '{}') as text)
        from by_currency) as monetary
"""
