"""How are a shop's figures computed and kept? By portions of its customers, each in a transaction of its own."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
from sqlalchemy import Row

from common.storage.database import Transaction
from common.time.calendar import add_months
from segmentation.rescheduling.store import start_review
from segmentation.shop_statistics.state import Figures, Tally, add_up
from segmentation.shops.state import Shop
from segmentation.shops.store import lock_shops, monetary

PORTION = 10_000
_COMPUTING = 7_301_006


async def try_to_compute(tx: Transaction) -> bool:
    """Be the one process that computes figures, until the transaction ends; False when another is."""
    # Nobody waits: the portion that is being counted is the other's.
    return bool(await tx.value("select pg_try_advisory_xact_lock(:lock)", lock=_COMPUTING))


async def compute_portion(tx: Transaction, name: str, shop: Shop, portion: int = PORTION) -> Figures | None:
    """Tally the next portion of the shop's customers for the pending month; the figures when it was the last one.

    By what happened before the month and is known when the portion is counted. So the largest shop needs many short
    transactions, never a long one, and what was counted outlives the process.
    """
    month, window = shop.pending_month, shop.thresholds_at(shop.pending_at).rfm.window_months
    # The portion's sorts stay in memory, in this transaction alone.
    await tx.execute("set local work_mem = '32MB'")
    # How far the month has been counted.
    after = await tx.value(
        "select coalesce(max(upto), '') from figure_portions where shop = :shop and month = :month",
        shop=name,
        month=month,
    )
    # The last customer of the portion; none when fewer are left.
    last = await tx.value(
        """
        select customer from customers where shop = :shop and customer > :after
        order by customer offset :skipped limit 1
        """,
        shop=name,
        after=after,
        skipped=portion - 1,
    )
    row = await tx.fetch_one(
        _TALLY,
        shop=name,
        after=after,
        last=last,
        month=month,
        since=add_months(month, -window),
        currency=shop.settings.at(shop.pending_at).currency,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    if last is not None:
        await _insert_portion(tx, name, month, last, row)
        return None
    # The portions before, and this last one.
    rows = await tx.fetch(
        """
        select cast(gaps as text) as gaps, buyers, recency_sum, frequency_sum, cast(monetary as text) as monetary
        from figure_portions where shop = :shop and month = :month
        """,
        shop=name,
        month=month,
    )
    return add_up([_tally(each) for each in (*rows, row)], month, shop.pending_at, window)


async def insert_figures(tx: Transaction, shop: str, figures: Figures) -> bool:
    """Store what was computed, and have the customers reviewed; False when another process was first.

    Waits until nobody is folding; not in a transaction that has folded.
    """
    await lock_shops(tx)
    # Stored once and for ever: folds that used them must find them again.
    inserted = await tx.execute(
        """
        insert into shop_figures (shop, month, as_of, gaps, median_gap_doubled, buyers, recency_sum, frequency_sum,
                                  monetary, window_months)
        values (:shop, :month, :as_of, :gaps, :median_gap_doubled, :buyers, :recency_sum, :frequency_sum,
                cast(:monetary as jsonb), :window_months)
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
        window_months=figures.window_months,
    )
    # The portions have been added up.
    await tx.execute(
        "delete from figure_portions where shop = :shop and month <= :month", shop=shop, month=figures.month
    )
    if inserted:
        # So that `verify` sees whether somebody changed them.
        await tx.execute(
            f"update shop_figures f set digest = {_DIGEST} where shop = :shop and month = :month",
            shop=shop,
            month=figures.month,
        )
        await start_review(tx, shop)
    return inserted == 1


async def list_changed(tx: Transaction, shop: str) -> list[date]:
    """Months whose figures are not as they were stored."""
    rows = await tx.fetch(
        f"select month from shop_figures f where shop = :shop and digest <> {_DIGEST} order by month", shop=shop
    )
    return [row.month for row in rows]


async def _insert_portion(tx: Transaction, shop: str, month: date, upto: str, row: Row[Any]) -> None:
    # Found by the next bite, in whatever process.
    await tx.execute(
        """
        insert into figure_portions (shop, month, upto, gaps, buyers, recency_sum, frequency_sum, monetary)
        values (:shop, :month, :upto, cast(:gaps as jsonb), :buyers, :recency_sum, :frequency_sum,
                cast(:monetary as jsonb))
        """,
        shop=shop,
        month=month,
        upto=upto,
        gaps=row.gaps,
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=row.monetary,
    )


def _tally(row: Row[Any]) -> Tally:
    return Tally(
        gaps={int(days): int(count) for days, count in orjson.loads(row.gaps).items()},
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=monetary(row.monetary),
    )


_DIGEST = """
md5(concat_ws('|', f.shop, f.month, extract(epoch from f.as_of), f.gaps, coalesce(f.median_gap_doubled, -1), f.buyers,
              f.recency_sum, f.frequency_sum, f.monetary, f.window_months))
"""
# One row, of a portion of the shop's customers: gaps over all time, and R, F, M over the window, from the histories in
# the customers' states. Orders and refunds are arrays read by position: the fields of domain.state.KnownOrder and
# Refund. `domain.figures.tally_of` says the same in Python.
_TALLY = """
with bought as materialized (
    select c.customer, o.item ->> 0 as order_id, cast(o.item ->> 2 as date) as day,
           cast(o.item ->> 3 as bigint) as paid, o.item ->> 4 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'orders') as o(item)
    where c.shop = :shop and c.customer > :after and c.customer <= coalesce(cast(:last as text), c.customer)
      and cast(o.item ->> 2 as date) < :month
      and (o.item ->> 5 is null or cast(o.item ->> 5 as date) >= :month)
),
given_back as (
    select c.customer, r.item ->> 1 as order_id, cast(r.item ->> 3 as date) as day,
           cast(r.item ->> 4 as bigint) as amount, r.item ->> 5 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'refunds') as r(item)
    where c.shop = :shop and c.customer > :after and c.customer <= coalesce(cast(:last as text), c.customer)
      and cast(r.item ->> 3 as date) < :month
),
gaps as (
    select day - lag(day) over (partition by customer order by day) as gap
    from (select distinct customer, day from bought) as days
),
by_length as (select gap, count(*) as gaps from gaps where gap is not null group by gap),
measured as (
    select customer, max(day) as last_day, count(*) as frequency from bought where day >= :since group by customer
),
order_refunds as (
    select customer, order_id, sum(amount) as amount
    from given_back where order_id is not null and currency = :currency group by customer, order_id
),
paid as (
    select b.customer, sum(greatest(b.paid - coalesce(r.amount, 0), 0)) as paid
    from bought b left join order_refunds r on r.customer = b.customer and r.order_id = b.order_id
    where b.day >= :since and b.currency = :currency group by b.customer
),
unmatched as (
    select customer, sum(amount) as amount
    from given_back where order_id is null and day >= :since and currency = :currency group by customer
),
spent as (
    select greatest(coalesce(p.paid, 0) - coalesce(u.amount, 0), 0) as monetary
    from measured m
    left join paid p on p.customer = m.customer
    left join unmatched u on u.customer = m.customer
)
select (select cast(coalesce(jsonb_object_agg(gap, gaps), '{}') as text) from by_length) as gaps,
       (select count(*) from measured) as buyers,
       (select coalesce(sum(cast(:month as date) - last_day), 0) from measured) as recency_sum,
       (select cast(coalesce(sum(frequency), 0) as bigint) from measured) as frequency_sum,
       (select cast(case when count(*) = 0 then '{}' else
            jsonb_build_object(cast(:currency as text), jsonb_build_array(sum(monetary), count(*))) end as text)
        from spent) as monetary
"""
