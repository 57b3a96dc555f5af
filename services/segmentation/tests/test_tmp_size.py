import time
from datetime import date

import pytest

from segmentation.report import store_cohorts as store
from segmentation.report import store_map


@pytest.mark.timeout(280)
async def test_size(db):
    n = 400_000
    async with db.transaction() as tx:
        await tx.execute(f"""insert into sales select 'tea','c'||lpad(c::text,7,'0'),'o'||k, date '2016-12-01' + (case when hash<7 then (hashint8(c*31+k)&2147483647)%3285 else 3285+(hashint8(c*31+k)&2147483647)%365 end), null,'CNY',1,10000,0
          from (select c, k, (hashint8(c)&2147483647)%10 as hash from generate_series(1,{n}) c, generate_series(1,8) k) x""")
    async with db.transaction() as tx:
        await tx.execute("analyze sales")
    for what in ("a", "b"):
        async with db.transaction() as tx:
            t = time.time()
            r = await store.count_cohorts(tx, "tea", date(2025, 12, 1), date(2026, 12, 1))
            print("cohorts", what, round(time.time() - t, 2), len(r), sum(v for (m, k), v in r.items() if not k))
            t = time.time()
            r = await store.list_cohort(
                tx, "tea", (date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 3, 1), date(2026, 4, 1)), "", 51
            )
            print("list", round(time.time() - t, 2), len(r))
            t = time.time()
            r = await store_map.sum_weeks(tx, "tea", date(2026, 9, 1), date(2026, 12, 1))
            print("weeks", round(time.time() - t, 2), len(r))
