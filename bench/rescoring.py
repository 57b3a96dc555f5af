"""P6, its part of scores: a month begins, and every customer is scored anew by its statistics.

As the service does it: borders of R, F and M are counted from the sales, portion by portion; every buyer is looked at;
who differs is folded, stored and announced. The same scores are computed with DuckDB from the same rows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import numpy as np

from bench import by_duckdb, machine
from bench.figures import Figure, Result
from bench.peaks import Peaks
from bench.servers import Failed, Servers
from bench.workload import SHOP
from common.events import Event
from common.events.orders import OrderCompleted, OrderLine
from common.process.collector import settle_collector
from common.storage.database import Database
from common.storage.migrate import driver_url
from common.time.calendar import add_months
from common.work.sweeps import Sweeper
from regulars.stack.usage import cpu_seconds, of_this_process
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding, folding_of, read_shops
from segmentation.jobs.rescheduling import RESCHEDULED, moved
from segmentation.jobs.statistics import next_portion
from segmentation.jobs.sweeping import WORK
from segmentation.purchases.entries import order_item
from segmentation.rescheduling import store as rescheduling
from segmentation.shop_statistics import store as shop_statistics
from segmentation.thresholds.state import RfmRules, Thresholds
from segmentation.thresholds.store import THRESHOLDS

ZONE = ZoneInfo("Asia/Shanghai")
BEFORE, MONTH = date(2025, 3, 1), date(2025, 4, 1)
"""The month whose statistics the customers are scored by, and the one that begins."""
SPAN_DAYS = 730
FILLED = 20_000
MOST_OF_DUCKDB, MOST_US, MOST_MB = 5.0, 30.0, 1_500.0
"""`MOST_US`: a customer, so that a million take 30 s."""
BORDERS, LOOKED = "statistics", "looked at"
STAGES = (BORDERS, "rescheduling", "segments")
"""The service's own jobs, one after the other: borders counted; everybody looked at, and who differs folded; what is
left of it. What looking alone takes is measured between the first two."""
Order = tuple[date, int, int]
"""Day, paid and refunded, minor units."""


@dataclass(frozen=True, slots=True)
class Size:
    """So many customers, with four orders each on the average."""

    customers: int = 100_000


@dataclass(slots=True)
class Standing:
    """A clock that stands still."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Stage:
    """What one job took: seconds, and µs of CPU a customer of this process and of PostgreSQL."""

    seconds: float
    ours_us: float
    database_us: float
    load: str


def at(day: date, hours: int = 0) -> datetime:
    """So many hours after the day's start in the shop's zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hours)


async def measure(ours: Servers, result: Result, size: Size) -> None:
    """Score everybody by one month's statistics, untimed; then begin the next month."""
    url, clock = await ours.database("segmentation"), Standing(at(BEFORE, 1))
    database = Database(url, clock=clock, service="segmentation")
    try:
        await _fill(database, clock, result.seed, size.customers)
        clock.at = at(MONTH, 1)
        settle_collector()
        load, stages = machine.load(), dict[str, Stage]()
        with Peaks(ours.postgres.pid) as peaks:
            for name in STAGES:
                stages[name] = await _run(database, ours.postgres.pid, name)
                if name == BORDERS:
                    stages[LOOKED] = await _measured(database, ours.postgres.pid, _look)
            differ = await _count(database, "done_until >= :at", at=at(MONTH))
    finally:
        await database.close()
    expected, duckdb_s, found = await _compare(url)
    wrong = sum(found.get(customer) != cell for customer, cell in expected.items())
    if wrong or len(found) != len(expected):
        raise Failed(f"{wrong:,} of {len(expected):,} scores differ from DuckDB's; {len(found):,} customers have one")
    _tell(result, size, load, stages, peaks, duckdb_s, len(found), differ)


def _tell(
    result: Result,
    size: Size,
    load: str,
    stages: dict[str, Stage],
    peaks: Peaks,
    duckdb_s: float,
    scored: int,
    differ: int,
) -> None:
    of = f"{size.customers:,} customers"
    borders, looked = stages[BORDERS], stages[LOOKED]
    computed, all_of_it = borders.seconds + looked.seconds, sum(stages[name].seconds for name in STAGES)
    result.figures += [
        Figure("P6", f"RFM of {of}: borders counted (baseline: DuckDB, scores included)", 1e3 * borders.seconds, "ms",
               load, baseline=1e3 * duckdb_s, most_of_baseline=MOST_OF_DUCKDB),
        Figure("P6", f"RFM of {of}: and everybody's score looked at", 1e3 * computed, "ms", load,
               baseline=1e3 * duckdb_s, most_of_baseline=MOST_OF_DUCKDB),
        Figure("P6", f"RFM of {of}: and who differs folded, stored, announced", 1e3 * all_of_it, "ms", load),
        Figure("P6", f"of {of} scored anew, stored and announced, each",
               1e6 * all_of_it / size.customers, "µs", load, most=MOST_US),
        Figure("P6", f"memory of one process that does all this for {of}", peaks.ours, "MB", load, most=MOST_MB),
        Figure("P6", "memory of PostgreSQL meanwhile", peaks.database, "MB", load, most=MOST_MB),
    ]  # fmt: skip
    result.notes.append(
        f"P6: {scored:,} of {of} have a score as of {MONTH}, all equal to DuckDB's of the same rows; "
        f"{differ:,} differ from what they were before. CPU a customer of all (µs, Python and PostgreSQL): "
        + ", ".join(f"{name} {each.ours_us:.1f} and {each.database_us:.1f}" for name, each in stages.items())
        + f". Loads {', '.join(each.load for each in stages.values())}."
    )


async def _run(database: Database, postgres: int, name: str) -> Stage:
    """One of the service's jobs until nothing is left for it, in its own transactions."""
    (job,) = (each for each in WORK if each.name == name)

    async def do(database: Database) -> None:
        await Sweeper(database, [job]).sweep()

    return await _measured(database, postgres, do)


async def _look(database: Database) -> None:
    """Everybody's score by the new statistics, compared with the stored one: what `rescheduling` reads and finds."""
    after: str | None = ""
    while after is not None:
        async with database.transaction() as tx:
            folding = await folding_of(tx, [SHOP])
            buyers, after = await rescheduling.list_page(tx, SHOP, after, date.min, RESCHEDULED)
            moved(folding, await rescheduling.get_scheduled(tx, SHOP, buyers), at(MONTH))


async def _measured(database: Database, postgres: int, do: Callable[[Database], Awaitable[None]]) -> Stage:
    ours, theirs, load = of_this_process().cpu_s, cpu_seconds(postgres), machine.load()
    began = time.monotonic()
    await do(database)
    took = time.monotonic() - began
    ours, theirs = of_this_process().cpu_s - ours, cpu_seconds(postgres) - theirs
    customers = await _count(database, "true")
    return Stage(took, 1e6 * ours / customers, 1e6 * theirs / customers, load)


async def _count(database: Database, where: str, **params: Any) -> int:
    async with database.transaction() as tx:
        return int(await tx.value(f"select count(*) from customers where {where}", **params))


async def _fill(database: Database, clock: Standing, seed: int, customers: int) -> None:
    """Sales, statistics of the month before by the product, and the states that folds by them have left."""
    draw = np.random.default_rng(seed)
    async with database.transaction() as tx:
        quantiles = Thresholds(rfm=RfmRules(method="quantile"))
        await THRESHOLDS.insert(tx, SHOP, 1, at(BEFORE) - timedelta(days=2 * SPAN_DAYS), quantiles)
    orders = list[Sequence[Order]]()
    for first in range(0, customers, FILLED):
        page = list(_draw(draw, min(FILLED, customers - first)))
        orders += page
        async with database.transaction() as tx:
            await tx.copy("customers", ("shop", "customer"), [(SHOP, _name(first + n)) for n in range(len(page))])
            await tx.copy(
                "sales",
                ("shop", "customer", "name", "day", "currency", "orders", "paid", "refunded"),
                [
                    (SHOP, _name(first + n), order_item(f"{first + n}-{k}"), day, "CNY", 1, paid, refunded)
                    for n, mine in enumerate(page)
                    for k, (day, paid, refunded) in enumerate(mine)
                ],
            )
    computed = None
    while computed is None:
        async with database.transaction() as tx:
            shop = (await read_shops(tx, [SHOP]))[SHOP]
            computed = await next_portion(tx, SHOP, shop, BEFORE, at(BEFORE))
    async with database.transaction() as tx:
        statistics = computed.statistics
        await shop_statistics.STATISTICS.insert(tx, SHOP, statistics.number, statistics.as_of, statistics)
        await shop_statistics.discard_portions(tx, SHOP)
    async with database.transaction() as tx:
        folding = await folding_of(tx, [SHOP])
    for first in range(0, customers, FILLED):
        rows = [_row(folding, first + n, mine) for n, mine in enumerate(orders[first : first + FILLED])]
        async with database.transaction() as tx:
            await tx.execute("delete from customers where customer between :low and :high",
                             low=_name(first), high=_name(first + FILLED - 1))  # fmt: skip
            await tx.copy("customers", ("shop", "customer", "state", "last_time", "last_rank", "last_source",
                                        "last_id", "done_until", "due_at", "inputs"), rows)  # fmt: skip
    for table in ("customers", "sales"):
        async with database.transaction() as tx:
            await tx.execute(f"analyze {table}")


def _name(number: int) -> str:
    return f"c{number:08d}"


def _draw(draw: np.random.Generator, customers: int) -> Iterator[list[Order]]:
    """The orders of each, oldest first, the first of them some day of two years; one of twenty is refunded in part."""
    counts = draw.geometric(0.25, customers)
    many, began = int(counts.sum()), np.repeat(draw.integers(1, SPAN_DAYS + 1, customers), counts)
    # Days before the month, and amounts of which many are alike.
    back = np.ceil(began * draw.random(many)).astype(np.int64)
    paid = 100 * np.ceil(np.exp(draw.normal(4.5, 0.8, many))).astype(np.int64) - draw.integers(0, 2, many)
    refunded = np.where(draw.random(many) < 0.05, paid // 3, 0)
    place = 0
    for count in counts.tolist():
        mine = sorted(zip(back[place : place + count].tolist(), paid[place : place + count].tolist(),
                          refunded[place : place + count].tolist(), strict=True), reverse=True)  # fmt: skip
        place += count
        yield [(MONTH - timedelta(days=each), amount, less) for each, amount, less in mine]


def _row(folding: SegmentFolding, number: int, orders: Sequence[Order]) -> tuple[object, ...]:
    """The customer as folds up to the month have left them: of orders before the statistics the sums, then each."""
    shop, state, done = folding.shops[SHOP], CustomerState(shop=SHOP), None
    past = [each for each in orders if each[0] < BEFORE]
    if past:
        purchases, days = state.purchases, sorted({day for day, *_ in past})
        purchases.completed, purchases.buying_days = len(past), len(days)
        purchases.first_day, purchases.last_day = days[0], days[-1]
        for day, paid, refunded in past:
            purchases.add("CNY", day, 1, paid - refunded)
        purchases.forget(shop.first_day_looked_at(BEFORE))
        state.evaluated_at = at(days[-1], 12)
        done = _advance(folding, state, at(BEFORE))
    state = state.partly()
    for k, (day, paid, refunded) in enumerate(orders[len(past) :], len(past)):
        done = _advance(folding, state, at(day, 12)) or done
        state.items.load([order_item(f"{number}-{k}")], {})
        folding.apply(state, _completed(number, k, day, paid - refunded))
    done = _advance(folding, state, at(MONTH) - timedelta(seconds=1)) or done
    due, last = folding.next_due(state), len(orders) - 1
    told = (at(orders[last][0], 12), 0, f"/shops/{SHOP}/backend", f"{number}-{last}")
    return (SHOP, _name(number), state.model_dump_json(exclude_defaults=True), *told, done,
            due.at if due else None, len(orders))  # fmt: skip


def _advance(folding: SegmentFolding, state: CustomerState, until: datetime) -> datetime | None:
    done = None
    while (due := folding.next_due(state)) is not None and due.at <= until:
        folding.fall_due(state, due)
        done = due.at
    return done


def _completed(number: int, k: int, day: date, net: int) -> Event[OrderCompleted]:
    when = at(day, 12)
    data = OrderCompleted(order_id=f"{number}-{k}", state="completed", placed_at=when, paid_at=when,
                          completed_at=when, currency="CNY", goods_paid=net, freight=0,
                          lines=(OrderLine(sku="sku", quantity=1, paid=net),), revision=1)  # fmt: skip
    return Event(f"{number}-{k}", f"/shops/{SHOP}/backend", SHOP, _name(number), when, data)


async def _compare(url: str) -> tuple[dict[str, str], float, dict[str, str]]:
    """DuckDB's cells and seconds from the same sales, and the cells that are stored."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
            file = Path(folder) / "sales.csv"
            sales = "select customer, day, gone, orders, paid - refunded from sales"
            await connection.copy_from_query(sales, output=file, format="csv")
            expected, took = by_duckdb.scores(file, MONTH, add_months(MONTH, -RfmRules().window_months))
        stored = await connection.fetch("select customer, rfm_cell from customers where rfm_cell is not null")
        return dict(expected), took, {row["customer"]: row["rfm_cell"] for row in stored}
    finally:
        await connection.close()
