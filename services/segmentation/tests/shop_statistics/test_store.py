"""Statistics by SQL are those of the rules in Python, and are counted by portions."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from common.events.segments import Scoring
from common.shops.settings import ShopSettings
from common.storage.database import Database, Transaction
from common.time.calendar import day_start
from common.time.clock import FixedClock
from regulars.testing import set_up
from segmentation.commands.statistics import save_statistics
from segmentation.fold import read_shops
from segmentation.purchases.entries import Item
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shop_statistics.rules import add_up
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shops.state import Shop
from segmentation.shops.store import lock_shops
from segmentation.thresholds.state import RfmRules, Thresholds, Version

from ..shop_life import take
from .tallies import tally_of


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
        await take(tx, made)


def pending(month: date, zone: ZoneInfo, window: int = 12) -> Shop:
    """A shop whose next statistics are those of `month`, over so many months."""
    given = Version(datetime(2000, 1, 1, tzinfo=UTC), 1, Thresholds(rfm=RfmRules(window_months=window)))
    return Shop(ShopSettings.always(zone), (), month, day_start(month, zone), [given])


async def portion_of(tx: Transaction, shop: Shop, portion: int, scoring: Scoring = "mean") -> ShopStatistics | None:
    window, currency = shop.versions[0].thresholds.rfm.window_months, shop.settings.at(shop.pending_at).currency
    return await shop_statistics.compute_portion(
        tx, "tea", shop.pending_month, shop.pending_at, window, currency, portion, scoring
    )


async def compute(
    tx: Transaction, shop: Shop, portion: int = shop_statistics.PORTION, scoring: Scoring = "mean"
) -> ShopStatistics:
    """Portion after portion, as the sweep does in transactions of their own."""
    while True:
        found = await portion_of(tx, shop, portion, scoring)
        if found is not None:
            await shop_statistics.discard_portions(tx, "tea")
            return found


@pytest.mark.parametrize(
    ("seed", "zone", "window", "scoring"),
    [
        (1, "Asia/Shanghai", 12, "mean"),
        (2, "America/New_York", 12, "quantile"),
        (3, "Pacific/Kiritimati", 5, "equal_groups"),
    ],
)
async def test_statistics_in_sql_are_those_of_the_rules(
    db: Database, clock: FixedClock, events: Any, seed: int, zone: str, window: int, scoring: Scoring
) -> None:
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    async with db.transaction() as tx:
        await set_up(tx, "tea", zone)
    await random_shop(db, events, seed)
    async with db.transaction() as tx:
        histories: dict[str, dict[str, Item]] = {}
        for row in await tx.fetch("select customer, name, body from items where shop = 'tea'"):
            histories.setdefault(row.customer, {})[row.name] = TypeAdapter(Item).validate_json(row.body)
        # Of the months before, inputs are known here that would have been held until then.
        for month in (date(2026, 1, 1), date(2026, 2, 1), date(2026, 9, 1), date(2028, 1, 1)):
            computed = await compute(tx, pending(month, ZoneInfo(zone), window), portion=15, scoring=scoring)
            tally = tally_of(histories.values(), month, window, "CNY", scoring)
            wanted = add_up([tally], month, day_start(month, ZoneInfo(zone)), window, scoring, "CNY")
            assert computed == wanted, month
            assert bool(computed.tops) == (scoring != "mean" and computed.buyers > 0)
        assert computed.gaps > 30


async def test_statistics_are_stored_once_and_for_ever(db: Database, clock: FixedClock, events: Any) -> None:
    clock.set(datetime(2025, 9, 2, tzinfo=UTC))
    await random_shop(db, events, 4)
    zone, month = ZoneInfo("Asia/Shanghai"), date(2025, 9, 1)
    async with db.transaction() as tx:
        first = await compute(tx, pending(month, zone))
        await lock_shops(tx)
        assert await save_statistics(tx, "tea", first, 0)
    async with db.transaction() as tx:
        await lock_shops(tx)
        assert not await save_statistics(tx, "tea", add_up([], month, day_start(month, zone), 12), 0)
        shop = (await read_shops(tx, ["tea"]))["tea"]
    assert list(shop.statistics) == [first]
    assert shop.pending_month == date(2025, 10, 1)


async def test_what_was_counted_of_a_month_outlives_the_process(db: Database, clock: FixedClock, events: Any) -> None:
    """A portion a transaction: the next one goes on where the last ended, and the sum is that of one go."""
    clock.set(datetime(2025, 9, 2, tzinfo=UTC))
    await random_shop(db, events, 5)
    shop = pending(date(2025, 9, 1), ZoneInfo("Asia/Shanghai"))
    async with db.transaction() as tx:
        whole = await compute(tx, shop)
    portions = 0
    while True:
        async with db.transaction() as tx:
            found = await portion_of(tx, shop, 10)
            portions += 1
            if found is not None:
                assert await save_statistics(tx, "tea", found, 0)
                break
    assert found == whole
    async with db.transaction() as tx:
        buyers = await tx.value("select count(*) from customers")
        assert portions == buyers // 10 + 1
        assert await tx.value("select count(*) from statistics_portions") == 0


async def test_one_process_alone_computes(db: Database) -> None:
    async with db.transaction() as one, db.transaction() as other:
        assert await shop_statistics.try_to_compute(one)
        assert not await shop_statistics.try_to_compute(other)
