"""Statistics of shops: counted by portions of the customers, each in a transaction of its own; added, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.events.segments import Scoring
from common.storage.database import Transaction
from common.time.calendar import add_months
from common.versions.table import VersionTable
from segmentation.shop_statistics.rules import Tally, add_up
from segmentation.shop_statistics.state import ShopStatistics, month_of

STATISTICS = VersionTable("shop_statistics", ShopStatistics, since="as_of")
"""`version` is `state.number_of` the month and edition."""
PORTION = 10_000
"""Customers counted in one transaction."""
_COMPUTING = 7_301_006


async def try_to_compute(tx: Transaction) -> bool:
    """Be the one process that computes statistics, until the transaction ends; False when another is."""
    # Nobody waits: the portion that is being counted is the other's.
    return bool(await tx.value("select pg_try_advisory_xact_lock(:lock)", lock=_COMPUTING))


async def compute_portion(
    tx: Transaction,
    shop: str,
    month: date,
    as_of: datetime,
    window: int,
    currency: str,
    portion: int = PORTION,
    scoring: Scoring = "mean",
    late: int = 0,
) -> ShopStatistics | None:
    """Tally the next portion of the shop's customers for the month; the statistics when it was the last one.

    By what happened before the month and is known when the portion is counted. So the largest shop needs many short
    transactions, never a long one, and what was counted outlives the process. `as_of` is the month's start in the
    shop's zone, `window` the months before it over which R, F and M are measured, `currency` the shop's,
    `scoring` how R, F and M are to be graded, `late` is `store_late.get_late`.
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
        scoring=scoring,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    if last is not None:
        await _insert_portion(tx, shop, month, last, late, row)
        return None
    # The portions before, and this last one.
    rows = await tx.fetch(
        """
        select cast(gaps as text) as gaps, buyers, recency_sum, frequency_sum, cast(monetary as text) as monetary,
               orders, cast(places as text) as places
        from statistics_portions where shop = :shop and month = :month
        """,
        shop=shop,
        month=month,
    )
    return add_up([_tally(each) for each in (*rows, row)], month, as_of, window, scoring, currency)


async def discard_portions(tx: Transaction, shop: str) -> None:
    """What was counted of a month is over another window than the one that holds now: it begins again."""
    await tx.execute("delete from statistics_portions where shop = :shop", shop=shop)


async def get_statistics(tx: Transaction, shops: Iterable[str]) -> dict[str, list[ShopStatistics]]:
    """The statistics of each month of each of these shops in their newest edition, oldest first."""
    return {
        shop: list({each.body.month: each.body for each in known}.values())
        for shop, known in (await STATISTICS.read(tx, shops)).items()
    }


async def get_newest_numbers(tx: Transaction, shops: Sequence[str]) -> dict[str, int]:
    """The number of the newest statistics of each of these shops; without the shops that have none."""
    # By the primary key.
    rows = await tx.fetch(
        "select shop, max(version) as version from shop_statistics where shop = any(:shops) group by shop",
        shops=list(shops),
    )
    return {row.shop: row.version for row in rows}


async def get_newest_months(tx: Transaction, shops: Sequence[str]) -> dict[str, date]:
    """The newest month with statistics of each of these shops; without the shops that have none."""
    return {shop: month_of(number) for shop, number in (await get_newest_numbers(tx, shops)).items()}


async def list_not_set_aside(tx: Transaction, shops: Sequence[str], job: str) -> list[str]:
    """Those of the shops whose statistics have not failed, or are to be tried again, in their order."""
    # Few rows at any time.
    rows = await tx.fetch("select shop from set_aside where job = :job and customer = ''", job=job)
    failed = {row.shop for row in rows}
    return [shop for shop in shops if shop not in failed]


async def _insert_portion(tx: Transaction, shop: str, month: date, upto: str, late: int, row: Row[Any]) -> None:
    # Found by the next turn, in whatever process.
    await tx.execute(
        """
        insert into statistics_portions
            (shop, month, upto, gaps, buyers, recency_sum, frequency_sum, monetary, orders, late, places)
        values (:shop, :month, :upto, cast(:gaps as jsonb), :buyers, :recency_sum, :frequency_sum,
                cast(:monetary as jsonb), :orders, :late, cast(:places as jsonb))
        """,
        shop=shop,
        month=month,
        upto=upto,
        gaps=row.gaps,
        buyers=row.buyers,
        recency_sum=row.recency_sum,
        frequency_sum=row.frequency_sum,
        monetary=row.monetary,
        orders=row.orders,
        late=late,
        places=row.places,
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
        orders=row.orders,
        places=tuple({int(place): int(n) for place, n in counts.items()} for counts in orjson.loads(row.places)),
    )


# One row, of a portion of the shop's customers: gaps over all time, and R, F, M over the window. For a first edition no
# sale is of the month or later: such inputs are held until it has its statistics. The tests say the same in Python.
_TALLY = """
with sold as materialized (
    -- A range of the primary key.
    select customer collate "C" as customer, day, orders, paid - refunded as net, currency from sales
    where shop = :shop and customer > :after and customer <= coalesce(cast(:last as text), customer)
      and day < :month and (gone is null or gone >= :month)
),
gaps as (
    select day - lag(day) over (partition by customer order by day) as gap from sold where orders = 1
),
by_length as (select gap, count(*) as gaps from gaps where gap > 0 group by gap),
measured as (
    select max(day) filter (where orders = 1) as last_day, sum(orders) as frequency,
           greatest(coalesce(sum(net) filter (where currency = :currency), 0), 0) as monetary
    from sold where day >= :since group by customer having sum(orders) > 0
),
-- Where each buyer stands by R, F and M: shop_statistics.grades.places.
placed as (
    select cast(:month as date) - last_day as r, frequency as f,
           cast(monetary - monetary % cast(power(10, greatest(length(cast(monetary as text)) - 4, 0)) as numeric)
                as bigint) as m
    from measured where :scoring <> 'mean'
),
apart as (
    select case when :scoring = 'equal_groups' then r * 1024 + 1023 - least(f, 1023) else r end as r,
           case when :scoring = 'equal_groups' then f * 4096 + 4095 - r else f end as f,
           case when :scoring = 'equal_groups' then least(m, 1000000000000) * 4096 + 4095 - r else m end as m
    from placed
)
select (select cast(coalesce(jsonb_object_agg(gap, gaps), '{}') as text) from by_length) as gaps,
       count(*) as buyers, coalesce(sum(cast(:month as date) - last_day), 0) as recency_sum,
       cast(coalesce(sum(frequency), 0) as bigint) as frequency_sum,
       cast(case when count(*) = 0 then '{}' else
            jsonb_build_object(cast(:currency as text), jsonb_build_array(sum(monetary), count(*))) end as text)
       as monetary,
       (select cast(coalesce(sum(orders), 0) as bigint) from sold) as orders,
       (select cast(jsonb_build_array(
            (select coalesce(jsonb_object_agg(r, n), '{}') from (select r, count(*) as n from apart group by r) as _),
            (select coalesce(jsonb_object_agg(f, n), '{}') from (select f, count(*) as n from apart group by f) as _),
            (select coalesce(jsonb_object_agg(m, n), '{}') from (select m, count(*) as n from apart group by m) as _)
        ) as text)) as places
from measured
"""
