"""Does the SQL say the same as the rules in Python?"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.bus.subscriptions import Batch
from common.shops.settings import ShopSettings
from common.storage.database import Database, Transaction
from common.time.calendar import day_start
from common.time.clock import FixedClock
from regulars.testing import set_up
from segmentation.customers import store as customers
from segmentation.customers.state import CustomerState
from segmentation.handlers import on_inputs
from segmentation.report import store as totals
from segmentation.shop_statistics import store as figures
from segmentation.shop_statistics.state import Figures, add_up, tally_of
from segmentation.shops import store as shops
from segmentation.shops.state import Shop
from segmentation.thresholds.state import RfmRules, Thresholds, Version


async def random_shop(db: Database, events: Any, seed: int) -> None:
    """Forty customers with orders in two currencies, refunds of orders, of no order and of orders unknown."""
    draw, made = random.Random(seed), []
    for number in range(40):
        name = f"c{number:02}"
        for turn in range(draw.randrange(5)):
            when = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=draw.randrange(60 * 24 * 600))
            currency = draw.choice(["CNY", "CNY", "USD"])
            order = f"{name}-{turn}"
            made.append(events.completed(name, when, draw.randrange(50_000), order=order, currency=currency))
            for _ in range(draw.randrange(3)):
                whose = draw.choice([order, None, "unknown"])
                later = when + timedelta(hours=draw.randrange(3_000))
                made.append(events.refunded(name, later, whose, draw.randrange(30_000), draw.choice(["CNY", "USD"])))
    draw.shuffle(made)
    async with db.transaction() as tx:
        await on_inputs(tx, Batch(made))


def pending(month: date, zone: ZoneInfo, window: int = 12) -> Shop:
    """A shop whose next figures are those of `month`, over so many months."""
    given = Version(datetime(2000, 1, 1, tzinfo=UTC), 1, Thresholds(rfm=RfmRules(window_months=window)))
    return Shop(ShopSettings.always(zone), (), month, day_start(month, zone), [given])


async def compute(tx: Transaction, shop: Shop, portion: int = figures.PORTION) -> Figures:
    """Portion after portion, as the sweep does in transactions of their own."""
    while True:
        found = await figures.compute_portion(tx, "tea", shop, portion)
        if found is not None:
            await tx.execute("delete from figure_portions")
            return found


@pytest.mark.parametrize(
    ("seed", "zone", "window"), [(1, "Asia/Shanghai", 12), (2, "America/New_York", 12), (3, "Pacific/Kiritimati", 5)]
)
async def test_figures_in_sql_are_those_of_the_domain(
    db: Database, clock: FixedClock, events: Any, seed: int, zone: str, window: int
) -> None:
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    async with db.transaction() as tx:
        await set_up(tx, "tea", zone)
    await random_shop(db, events, seed)
    async with db.transaction() as tx:
        rows = await tx.fetch("select cast(state as text) as state from customers where shop = 'tea'")
        states = [CustomerState.model_validate_json(row.state) for row in rows]
        histories = [(state.orders, state.refunds) for state in states]
        for month in (date(2023, 1, 1), date(2024, 3, 1), date(2025, 1, 1), date(2025, 9, 1), date(2026, 9, 1)):
            computed = await compute(tx, pending(month, ZoneInfo(zone), window), portion=15)
            wanted = add_up(
                [tally_of(histories, month, window, "CNY")], month, day_start(month, ZoneInfo(zone)), window
            )
            assert computed == wanted, month
        assert computed.gaps > 30


async def test_figures_are_stored_once_and_for_ever(db: Database, clock: FixedClock, events: Any) -> None:
    clock.set(datetime(2025, 9, 2, tzinfo=UTC))
    await random_shop(db, events, 4)
    zone, month = ZoneInfo("Asia/Shanghai"), date(2025, 9, 1)
    async with db.transaction() as tx:
        first = await compute(tx, pending(month, zone))
        assert await figures.insert_figures(tx, "tea", first)
    async with db.transaction() as tx:
        assert not await figures.insert_figures(tx, "tea", add_up([], month, day_start(month, zone), 12))
        shop = (await shops.get_shops_to_fold(tx, ["tea"]))["tea"]
    assert list(shop.figures) == [first]
    assert shop.pending_month == date(2025, 10, 1)


async def test_what_was_counted_of_a_month_outlives_the_process(db: Database, clock: FixedClock, events: Any) -> None:
    """A portion a transaction: the next one goes on where the last ended, and the sum is that of one go."""
    clock.set(datetime(2025, 9, 2, tzinfo=UTC))
    await random_shop(db, events, 5)
    shop = pending(date(2025, 9, 1), ZoneInfo("Asia/Shanghai"))
    async with db.transaction() as tx:
        whole = await compute(tx, shop)
    bites = 0
    while True:
        async with db.transaction() as tx:
            found = await figures.compute_portion(tx, "tea", shop, portion=10)
            bites += 1
            if found is not None:
                await figures.insert_figures(tx, "tea", found)
                break
    assert found == whole
    async with db.transaction() as tx:
        buyers = await tx.value("select count(*) from customers")
        assert bites == buyers // 10 + 1
        assert await tx.value("select count(*) from figure_portions") == 0


async def test_one_process_alone_computes(db: Database) -> None:
    async with db.transaction() as one, db.transaction() as other:
        assert await figures.try_to_compute(one)
        assert not await figures.try_to_compute(other)


async def test_shops_are_found_without_reading_every_customer(db: Database, clock: FixedClock) -> None:
    async with db.transaction() as tx:
        assert await shops.list_shops(tx) == []
        await tx.lock_customers([("wine", "a"), ("tea", "a"), ("tea", "b"), ("books", "z")])
        assert await shops.list_shops(tx) == ["books", "tea", "wine"]


async def test_seg_005_a_list_of_returning_customers_comes_in_pages(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(datetime(2025, 3, 1, tzinfo=UTC))
    made = [events.completed(f"c{n}", "2025-02-01T10:00") for n in range(5)]
    made += [events.viewed("x1", "2025-02-01T10:00")]
    async with db.transaction() as tx:
        await on_inputs(tx, Batch(made))
        first = await customers.list_segment(tx, "tea", "stage", "returning", "", 3)
        rest = await customers.list_segment(tx, "tea", "stage", "returning", first[-1], 3)
        assert first + rest == ["c0", "c1", "c2", "c3", "c4"]
        assert await customers.list_segment(tx, "tea", "stage", "new", "", 9) == ["x1"]
        assert await customers.list_segment(tx, "tea", "lifecycle", "active", "c2", 9) == ["c3", "c4"]
        assert await customers.list_segment(tx, "tea", "rfm", "general_value", "", 1) == ["c0"]
        assert await customers.list_segment(tx, "tea", "lapsed", "true", "", 9) == []
        assert await customers.list_segment(tx, "other", "stage", "returning", "", 9) == []


async def test_buyers_are_counted_over_all_time_or_between_two_dates(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """ANA-034: both parts of the repurchase rate are counted in the same window, which may be any."""
    clock.set(datetime(2025, 9, 1, tzinfo=UTC))
    days = {"c1": ["2025-01-10"], "c2": ["2025-01-10", "2025-02-01"], "c3": ["2025-02-01", "2025-02-01", "2025-03-01"]}
    made = [events.completed(name, f"{day}T10:00") for name, dates in days.items() for day in dates]
    async with db.transaction() as tx:
        await on_inputs(tx, Batch(made))
        await tx.execute("insert into members values ('tea', 'c2', now()), ('tea', 'm9', now()), ('wine', 'c1', now())")
        ever = await totals.count_buyers(tx, "tea", None, None)
        february = await totals.count_buyers(tx, "tea", date(2025, 2, 1), date(2025, 3, 1))
    assert ever.reached == {1: 3, 2: 2, 3: 1, 4: 0, 5: 0, 6: 0}
    assert (ever.members, ever.repurchasing_members) == (2, 1)
    assert february.reached == {1: 2, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0}
    assert (february.members, february.repurchasing_members) == (2, 0)
