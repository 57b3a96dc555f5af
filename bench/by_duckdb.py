"""RFM scores by quantiles, computed with DuckDB from the sales that segmentation has: the speed to be held against.

Nothing of segmentation is used, so that the scores are a second way to the same ones, too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

RUNS = 3
THREADS = 2
_COLUMNS = "{'customer': 'varchar', 'day': 'date', 'gone': 'date', 'orders': 'tinyint', 'net': 'bigint'}"
_FIFTHS = "[0.2, 0.4, 0.6, 0.8]"

# R in days, F, M in minor units to four significant digits; borders are quantiles of type 7 rounded up to whole days,
# orders and units of a hundred; what equals a border is below it.
_SCORES = f"""
create or replace table scores as
with measured as (
    select customer, date_diff('day', max(day) filter (orders = 1), $month) as r, cast(sum(orders) as integer) as f,
           cast(greatest(sum(net), 0) as bigint) as m
    from sales where day < $month and day >= $since and (gone is null or gone >= $month)
    group by customer having sum(orders) > 0
),
placed as (
    select customer, r, f, m - m % cast(pow(10, greatest(length(cast(m as varchar)) - 4, 0)) as bigint) as m
    from measured
),
tops as (
    select list_transform(quantile_cont(r, {_FIFTHS}), lambda x: ceil(round(x, 6))) as of_r,
           list_transform(quantile_cont(f, {_FIFTHS}), lambda x: ceil(round(x, 6))) as of_f,
           list_transform(quantile_cont(m, {_FIFTHS}), lambda x: 100 * ceil(round(x / 100, 6))) as of_m
    from placed
)
select customer,
       5 - (r > of_r[1])::int - (r > of_r[2])::int - (r > of_r[3])::int - (r > of_r[4])::int as r,
       1 + (f > of_f[1])::int + (f > of_f[2])::int + (f > of_f[3])::int + (f > of_f[4])::int as f,
       1 + (m > of_m[1])::int + (m > of_m[2])::int + (m > of_m[3])::int + (m > of_m[4])::int as m
from placed, tops
"""


def scores(file: Path, month: date, since: date) -> tuple[Mapping[str, str], float]:
    """The cell of each customer as of `month`, over the days from `since` on, and the least seconds of three runs.

    `file`: CSV of sales without a header, in the columns customer, day, gone, orders, net; it is read before.
    """
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {THREADS}")
        connection.execute(
            f"create table sales as select * from read_csv($file, header = false, columns = {_COLUMNS})",
            {"file": str(file)},
        )
        took = []
        for _ in range(RUNS):
            began = time.perf_counter()
            connection.execute(_SCORES, {"month": month, "since": since})
            took.append(time.perf_counter() - began)
        found = connection.execute("select customer, concat(r, f, m) from scores").fetchall()
    return dict(found), min(took)
