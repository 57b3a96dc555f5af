"""P7: a segment over many customers, counted, compared and announced; and customers looked at again after an event.

P6, its part with a database: all of them valued by a month's fit and stored, and who is worth much announced.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench import machine
from bench.figures import Figure, Result
from bench.peaks import Peaks
from bench.predicting import FIT
from bench.servers import Servers
from bench.workload import SHOP
from common.storage.database import Database
from common.work.set_aside import Task
from segmentation.commands.memberships import PAGE, compare_next, day_of, look_again
from segmentation.commands.segments import define
from segmentation.expressions.parsing import parse
from segmentation.jobs.valuing import take_unvalued, value_next
from segmentation.lifetime_value.store import FITS
from segmentation.segments.state import Definition
from segmentation.segments.store_definitions import count_uncompared
from segmentation.segments.store_standings import compare_moving, count_matching, everybody, span

EXPRESSION = "stage = returning and orders in 365 days >= 2 and days_since_last_order between 30 and 60 and spent > 100"
LOOKS = 1_000
MOST_MB = 1_500.0
FILLED = 100_000
"""Customers made in one statement, within its minute on a busy machine too."""
_CUSTOMERS = """
insert into customers (shop, customer, state, last_time)
select :shop, 'c' || lpad(n::text, 8, '0'), jsonb_build_object(
    'stage', jsonb_build_object('value', 'returning'), 'life_cycle', jsonb_build_object('value', 'active'),
    'purchases', jsonb_build_object('completed', 3, 'buying_days', 3,
        'first_day', to_char(current_date - n % 400 - 300, 'YYYY-MM-DD'),
        'last_day', to_char(current_date - n % 400, 'YYYY-MM-DD'))), now()
from generate_series(cast(:first as integer), cast(:last as integer)) n
"""
_SALES = """
insert into sales (shop, customer, name, day, currency, orders, paid, refunded)
select :shop, 'c' || lpad(n::text, 8, '0'), 'order/' || n || '-' || k, current_date - n % 400 - 150 * k, 'CNY', 1,
       5000 + n % 9000, 0
from generate_series(cast(:first as integer), cast(:last as integer)) n, generate_series(0, 2) k
"""


@dataclass(frozen=True, slots=True)
class Size:
    """So many customers, with three orders each."""

    customers: int = 1_000_000


async def measure(ours: Servers, result: Result, size: Size) -> None:
    """Count, compare and announce one segment; then look at customers again as after an event of each."""
    database = Database(await ours.database("segmentation"), service="segmentation")
    try:
        for first in range(1, size.customers + 1, FILLED):
            last = min(first + FILLED - 1, size.customers)
            for statement in (_CUSTOMERS, _SALES):
                async with database.transaction() as tx:
                    await tx.execute(statement, shop=SHOP, first=first, last=last)
        for table in ("customers", "sales"):
            async with database.transaction() as tx:
                await tx.execute(f"analyze {table}")
        with Peaks(ours.postgres.pid) as peaks:
            await _measure(database, result, size)
        _tell(result, "P7", f"{size.customers:,} customers counted, compared and announced", peaks)
        with Peaks(ours.postgres.pid) as peaks:
            await _value(database, result, size)
        _tell(result, "P6", f"{size.customers:,} customers predicted, stored and announced", peaks)
    finally:
        await database.close()


def _tell(result: Result, target: str, what: str, peaks: Peaks) -> None:
    load = machine.load()
    result.figures += [
        Figure(target, f"memory of the process: {what}", peaks.ours, "MB", load, most=MOST_MB),
        Figure(target, f"memory of PostgreSQL: {what}", peaks.database, "MB", load, most=MOST_MB),
    ]


async def _measure(database: Database, result: Result, size: Size) -> None:
    load, began = machine.load(), time.monotonic()
    async with database.transaction() as tx:
        now = tx.clock.now()
        day, _ = await day_of(tx, SHOP, now)
        inside, _ = await count_matching(tx, day, parse(EXPRESSION), everybody(SHOP))
    counted = time.monotonic() - began
    async with database.transaction() as tx:
        await define(tx, day, SHOP, "bench", Definition(name="Bench", expression=EXPRESSION), None)
    load_of_diff, began = machine.load(), time.monotonic()
    differ = await _differences(database, now)
    diffed = time.monotonic() - began
    load_of_full, began = machine.load(), time.monotonic()
    while True:
        async with database.transaction() as tx:
            if not await count_uncompared(tx):
                break
            await compare_next(tx, SHOP, "bench", now)
    compared = time.monotonic() - began
    async with database.transaction() as tx:
        rows = await tx.fetch("select customer from customers order by hashtext(customer) limit :n", n=LOOKS)
    load_of_looks, began = machine.load(), time.monotonic()
    async with database.transaction() as tx:
        await look_again(tx, SHOP, sorted(row.customer for row in rows), now)
    looked = time.monotonic() - began
    of = f"{size.customers:,} customers"
    most = 5_000.0 if size.customers >= 1_000_000 else None
    result.figures += [
        Figure("P7", f"a segment of {of}, counted", 1e3 * counted, "ms", load, most=most),
        Figure("P7", f"a segment of {of}, evaluated and diffed", 1e3 * diffed, "ms", load_of_diff, most=most),
        Figure("P7", f"a segment of {of}, compared, stored, announced", 1e3 * compared, "ms", load_of_full),
        Figure("P7", f"a customer of {of}, looked at again", 1e6 * looked / LOOKS, "µs", load_of_looks),
    ]
    if differ != inside:
        result.notes.append(f"P7: {inside:,} of {of} are counted, {differ:,} differ from who is in the segment: wrong.")
    result.notes.append(f"P7: {inside:,} of {of} entered; of those whom a date may turn it is stored. {EXPRESSION}.")


async def _differences(database: Database, now: datetime) -> int:
    """How many of the customers would enter or leave the segment, page by page; nothing is stored."""
    after, found = "", 0
    while True:
        async with database.transaction() as tx:
            # The page's end, by primary key.
            upto = await tx.value(
                """
                select max(customer) from (
                    select customer from customers where shop = :shop and customer > :after
                    order by customer limit :page
                ) page
                """,
                shop=SHOP,
                after=after,
                page=PAGE,
            )
            if upto is None:
                return found
            day, _ = await day_of(tx, SHOP, now)
            moving = await compare_moving(tx, day, "bench", span(SHOP, after, upto))
            found += sum(each.inside != each.open for each in moving)
            after = upto


async def _value(database: Database, result: Result, size: Size) -> None:
    """Value everybody by a fit of this month, and announce who comes into a segment by it."""
    async with database.transaction() as tx:
        now = tx.clock.now()
        day, _ = await day_of(tx, SHOP, now)
        fit = FIT.model_copy(
            update={"month": day.today.replace(day=1), "as_of": now, "grades": (100, 500, 2_000, 9_000)}
        )
        await FITS.insert(tx, SHOP, fit.number, now, fit)
        await define(tx, day, SHOP, "worth", Definition(name="Worth", expression="lifetime_value > 150"), None)
    load, began = machine.load(), time.monotonic()
    while True:
        async with database.transaction() as tx:
            tasks: Sequence[Task] | None = await take_unvalued(tx, now, 1)
            if not tasks:
                break
            await value_next(tx, now, tasks)
    stored = time.monotonic() - began
    while True:
        async with database.transaction() as tx:
            if not await count_uncompared(tx):
                break
            await compare_next(tx, SHOP, "worth", now)
    async with database.transaction() as tx:
        valued = await tx.value("select count(*) from customer_values")
        inside = await tx.value("select count(*) from segment_stays where segment = 'worth' and left_at is null")
    of = f"{size.customers:,} customers"
    most = 30_000.0 if size.customers >= 1_000_000 else None
    announced = time.monotonic() - began
    result.figures += [
        Figure("P6", f"lifetime value of {of} predicted and stored", 1e3 * stored, "ms", load, most=most),
        Figure(
            "P6",
            f"lifetime value of {of} predicted, stored, announced who enters by it",
            1e3 * announced,
            "ms",
            load,
            most=most,
        ),
    ]
    result.notes.append(f"P6: {valued:,} of {of} valued, {inside:,} entered the segment by it.")
