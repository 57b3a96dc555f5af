"""Statistics of shops: counted by portions of the customers, each in a transaction of its own, and kept for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.storage.database import Transaction
from common.time.calendar import add_months
from segmentation.shop_statistics.rules import Tally, add_up
from segmentation.shop_statistics.state import ShopStatistics

PORTION = 10_000
"""Customers counted in one transaction."""
_COMPUTING = 7_301_006


async def try_to_compute(tx: Transaction) -> bool:
    """Be the one process that computes statistics, until the transaction ends; False when another is."""
    # Nobody waits: the portion that is being counted is the other's.
    return bool(await tx.value("select pg_try_advisory_xact_lock(:lock)", lock=_COMPUTING))


async def compute_portion(
    tx: Transaction, shop: str, month: date, as_of: datetime, window: int, currency: str, portion: int = PORTION
) -> ShopStatistics | None:
    """Tally the next portion of the shop's customers for the month; the statistics when it was the last one.

    By what happened before the month and is known when the portion is counted. So the largest shop needs many short
    transactions, never a long one, and what was counted outlives the process. `as_of` is the month's start in the
    shop's zone, `window` the months before it over which R, F and M are measured, `currency` the shop's.
    """
    # The portion's sorts stay in memory, in this transaction alone.
    await tx.execute("set local work_mem = '32MB'")
    # How far the month has been counted.
    after = await tx.value(
        "select coalesce(max(upto), '') from statistics_portions where shop = :shop and month = :month",
        shop=shop,
        month=month,
    )
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
        _TALLY,
        shop=shop,
        after=after,
        last=last,
        month=month,
        since=add_months(month, -window),
        currency=currency,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    if last is not None:
        await _insert_portion(tx, shop, month, last, row)
        return None
    # The portions before, and this last one.
    rows = await tx.fetch(
        """
        select cast(gaps as text) as gaps, buyers, recency_sum, frequency_sum, cast(monetary as text) as monetary
        from statistics_portions where shop = :shop and month = :month
        """,
        shop=shop,
        month=month,
    )
    return add_up([_tally(each) for each in (*rows, row)], month, as_of, window)


async def insert_statistics(tx: Transaction, shop: str, statistics: ShopStatistics) -> bool:
    """Store what was computed; False when another process was first. The caller has locked the shops."""
    # Stored once and for ever: folds that used them must find them again.
    inserted = await tx.execute(
        """
        insert into shop_statistics (shop, month, as_of, gaps, median_gap_doubled, buyers, recency_sum, frequency_sum,
                                  monetary, window_months)
        values (:shop, :month, :as_of, :gaps, :median_gap_doubled, :buyers, :recency_sum, :frequency_sum,
                cast(:monetary as jsonb), :window_months)
        on conflict (shop, month) do nothing
        """,
        shop=shop,
        month=statistics.month,
        as_of=statistics.as_of,
        gaps=statistics.gaps,
        median_gap_doubled=statistics.median_gap_doubled,
        buyers=statistics.buyers,
        recency_sum=statistics.recency_sum,
        frequency_sum=statistics.frequency_sum,
        monetary=orjson.dumps(statistics.monetary).decode(),
        window_months=statistics.window_months,
    )
    # The portions have been added up.
    await tx.execute(
        "delete from statistics_portions where shop = :shop and month <= :month", shop=shop, month=statistics.month
    )
    if inserted:
        # So that `verify` sees whether somebody changed them.
        await tx.execute(
            f"update shop_statistics f set digest = {_DIGEST} where shop = :shop and month = :month",
            shop=shop,
            month=statistics.month,
        )
    return inserted == 1


async def discard_portions(tx: Transaction, shop: str) -> None:
    """What was counted of a month is over another window than the one that holds now: it begins again."""
    await tx.execute("delete from statistics_portions where shop = :shop", shop=shop)


async def get_statistics(tx: Transaction, shops: Iterable[str]) -> dict[str, list[ShopStatistics]]:
    """All statistics of each of these shops, oldest first."""
    found: dict[str, list[ShopStatistics]] = {shop: [] for shop in shops}
    # By the primary key.
    rows = await tx.fetch(
        """
        select shop, month, as_of, gaps, median_gap_doubled, buyers, recency_sum, frequency_sum,
               cast(monetary as text) as monetary, window_months
        from shop_statistics where shop = any(:shops) order by shop, month
        """,
        shops=sorted(found),
    )
    for row in rows:
        found[row.shop].append(
            ShopStatistics(
                month=row.month,
                as_of=row.as_of,
                gaps=row.gaps,
                median_gap_doubled=row.median_gap_doubled,
                buyers=row.buyers,
                recency_sum=row.recency_sum,
                frequency_sum=row.frequency_sum,
                monetary=_monetary(row.monetary),
                window_months=row.window_months,
            )
        )
    return found


async def get_newest_months(tx: Transaction, shops: Sequence[str]) -> dict[str, date]:
    """The newest month with statistics of each of these shops; without the shops that have none."""
    # By the primary key.
    rows = await tx.fetch(
        "select shop, max(month) as month from shop_statistics where shop = any(:shops) group by shop",
        shops=list(shops),
    )
    return {row.shop: row.month for row in rows}


async def list_not_set_aside(tx: Transaction, shops: Sequence[str], job: str) -> list[str]:
    """Those of the shops whose statistics have not failed, or are to be tried again, in their order."""
    # Few rows at any time.
    rows = await tx.fetch("select shop from set_aside where job = :job and customer = ''", job=job)
    failed = {row.shop for row in rows}
    return [shop for shop in shops if shop not in failed]


async def list_changed(tx: Transaction, shop: str) -> list[date]:
    """Months whose statistics are not as they were stored."""
    rows = await tx.fetch(
        f"select month from shop_statistics f where shop = :shop and digest <> {_DIGEST} order by month", shop=shop
    )
    return [row.month for row in rows]


async def _insert_portion(tx: Transaction, shop: str, month: date, upto: str, row: Row[Any]) -> None:
    # Found by the next turn, in whatever process.
    await tx.execute(
        """
        insert into statistics_portions (shop, month, upto, gaps, buyers, recency_sum, frequency_sum, monetary)
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


def _monetary(stored: str) -> dict[str, tuple[int, int]]:
    """Currency to (sum in minor units, buyers), from its stored form."""
    return {currency: (int(total), int(count)) for currency, (total, count) in orjson.loads(stored).items()}


def _tally(row: Row[Any]) -> Tally:
    return Tally(
        gaps={int(days): int(count) for days, count in orjson.loads(row.gaps).items()},
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=_monetary(row.monetary),
    )


_DIGEST = """
md5(concat_ws('|', f.shop, f.month, extract(epoch from f.as_of), f.gaps, coalesce(f.median_gap_doubled, -1), f.buyers,
              f.recency_sum, f.frequency_sum, f.monetary, f.window_months))
"""
# One row, of a portion of the shop's customers: gaps over all time, and R, F, M over the window, from the histories in
# the customers' states. Orders and refunds are arrays read by position: the fields of purchases.entries. The tests
# have the same in Python, and compare.
_TALLY = """
with bought as materialized (
    select c.customer, o.item ->> 0 as order_id, cast(o.item ->> 2 as date) as day,
           cast(o.item ->> 3 as bigint) as paid, o.item ->> 4 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'purchases' -> 'orders') as o(item)
    where c.shop = :shop and c.customer > :after and c.customer <= coalesce(cast(:last as text), c.customer)
      and cast(o.item ->> 2 as date) < :month
      and (o.item ->> 5 is null or cast(o.item ->> 5 as date) >= :month)
),
given_back as (
    select c.customer, r.item ->> 1 as order_id, cast(r.item ->> 3 as date) as day,
           cast(r.item ->> 4 as bigint) as amount, r.item ->> 5 as currency
    from customers c cross join lateral jsonb_array_elements(c.state -> 'purchases' -> 'refunds') as r(item)
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
