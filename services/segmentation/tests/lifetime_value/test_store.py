"""Samples by SQL are those of the rules in Python, are taken by portions, and a month is fitted and announced once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common.bus.subscriptions import Batch
from common.events.segments import ChurnFitted, LifetimeValueFitted
from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.churn.store import get_newest_fit as get_churn_fit
from segmentation.commands.churn import read_back as read_churn_back
from segmentation.commands.lifetime_value import read_back
from segmentation.commands.thresholds import save_thresholds
from segmentation.handlers import on_fits
from segmentation.lifetime_value import rules
from segmentation.lifetime_value.store import Sampled, get_days, get_newest_fit, sample_portion
from segmentation.thresholds.state import ChurnModelRules, Thresholds, ValueRules

from ..shop_life import START, feed, live, of_the_shop, shop_life
from ..shop_statistics.test_store import random_shop

MONTH = date(2025, 6, 1)


async def sampled(db: Database, portion: int, most: int = 10_000) -> tuple[Sampled, int]:
    """Portion after portion, each in a transaction of its own, and how many there were."""
    count = 0
    while True:
        async with db.transaction() as tx:
            found = await sample_portion(tx, "tea", MONTH, "CNY", portion, most)
            count += 1
            if found is not None:
                await tx.execute("delete from value_portions")
                return found, count


async def test_a_sample_in_sql_is_that_of_the_rules_whatever_the_portions(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    await random_shop(db, events, 11)
    whole, count = await sampled(db, 10_000)
    async with db.transaction() as tx:
        customers = [row.customer for row in await tx.fetch("select customer from customers order by customer")]
        days = [await get_days(tx, "tea", customer, "CNY") for customer in customers]
    past = [[each for each in of if each.day < MONTH] for of in days]
    wanted = [of for of in past if any(each.buying for each in of)]
    assert (count, list(whole.sample)) == (1, wanted)
    bought = [found for of in wanted if (found := rules.bought(of, MONTH)) is not None]
    assert (whole.buyers, whole.repeat_buyers) == (len(wanted), sum(each.x > 0 for each in bought))
    assert whole.repeat_buyers > 10
    parts, count = await sampled(db, 7)
    assert (parts, count) == (whole, len(customers) // 7 + 1)
    some, _ = await sampled(db, 7, most=whole.buyers // 3)
    assert (some.buyers, some.repeat_buyers) == (whole.buyers, whole.repeat_buyers)
    assert 0 < len(some.sample) < len(whole.sample)
    assert all(of in whole.sample for of in some.sample)


async def test_each_month_is_fitted_once_announced_and_read_back(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    db, anew = await new_db(), await new_db()
    async with db.transaction() as tx:
        given = Thresholds(
            value=ValueRules(buyers_needed=20, repeat_needed=10, model="bg_nbd", horizon_days=180),
            churn_model=ChurnModelRules(horizon_days=30, buyers_needed=20, each_needed=5),
        )
        await save_thresholds(tx, "tea", given, START + timedelta(days=40), None)
    await live(db, clock, shop_life(events, seed=5, customers=60), timedelta(days=10), START + timedelta(days=160))
    told = [event for event in await of_the_shop(db) if isinstance(event.data, LifetimeValueFitted)]
    assert [event.data.month.month for event in told] == [1, 2, 3, 4, 5, 6]
    assert [event.data.status for event in told[:2]] == ["too_few", "too_few"]
    assert [(event.data.model, event.data.horizon_days) for event in told[2:]] == [("bg_nbd", 180)] * 4
    last = told[-1].data
    assert last.repeating is not None
    assert last.repeat_buyers > 20
    async with db.transaction() as tx:
        newest = await get_newest_fit(tx, "tea")
        assert newest == read_back(last)
        assert await tx.value("select count(*) from value_portions") == 0
        leaving = await get_churn_fit(tx, "tea")
    left = [event for event in await of_the_shop(db) if isinstance(event.data, ChurnFitted)]
    assert [event.data.month for event in left] == [event.data.month for event in told]
    assert leaving is not None
    assert leaving == read_churn_back(left[-1].data)
    assert leaving.held_out is not None
    assert leaving.horizon_days == 30
    # An empty database is fed the announcements, each of them twice.
    async with anew.transaction() as tx:
        await on_fits(tx, Batch([*told, *left, *told, *left]))
    async with db.transaction() as tx, anew.transaction() as other:
        for table in ("value_fits", "churn_fits"):
            rows = f"select shop, version, as_of, cast(body as text) from {table} order by version"
            kept = [tuple(row) for row in await tx.fetch(rows)]
            assert (len(kept), kept) == (6, [tuple(row) for row in await other.fetch(rows)])


async def test_late_news_and_refunds_move_what_is_known_of_a_customer(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    order = events.completed("c1", "2025-03-01T10:00", 10_000, order="one")
    await feed(db, [order])
    async with db.transaction() as tx:
        assert rules.bought(await get_days(tx, "tea", "c1", "CNY"), MONTH) == (0, 0, 92, 1, 10_000)
    late = [
        events.completed("c1", "2025-01-30T10:00", 20_000, order="late"),
        events.refunded("c1", "2025-03-05T10:00", "one", 4_000),
        events.completed("c1", "2025-02-01T10:00", 5_000, order="dollars", currency="USD"),
    ]
    await feed(db, late)
    async with db.transaction() as tx:
        days = await get_days(tx, "tea", "c1", "CNY")
    assert rules.bought(days, MONTH) == (2, 30, 122, 2, 26_000)
    await feed(db, [events.refunded("c1", "2025-03-06T10:00", "late", 20_000)])
    async with db.transaction() as tx:
        assert rules.bought(await get_days(tx, "tea", "c1", "CNY"), MONTH) == (1, 28, 120, 1, 6_000)
