"""The sweep folds the customers whom new statistics and thresholds change, all of them, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.segments import ThresholdsChanged
from common.events.shops import ImportEnded, ImportStarted
from common.fold.customers import refold
from common.shops.imports import save_imports
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.work import set_aside
from segmentation.commands.thresholds import add_version, save_thresholds
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding, folding_of, read_shops
from segmentation.handlers import on_thresholds
from segmentation.jobs.sweeping import count_due
from segmentation.shops.store import lock_shops
from segmentation.thresholds.state import LifeCycleRules, RfmRules, Thresholds

from ..shop_life import START, announced, copy_statistics, differences, feed, live, shop_life, states, sweep, sweep_all

STRICTER = Thresholds(
    lapse_months=1,
    life_cycle=LifeCycleRules(active=40, sleeping=80, pre_churn=120, churned=200),
    rfm=RfmRules(buyers_needed=20, monetary=300),
)


async def set_thresholds(db: Database, given: Thresholds, days: int, *, late: bool = False, number: int = 1) -> None:
    """A version in force `days` after the start."""
    async with db.transaction() as tx:
        await lock_shops(tx)
        await add_version(tx, "tea", number, START + timedelta(days=days), given, late=late)


async def fold_everybody(db: Database) -> None:
    """What the sweep saves: every customer loaded, folded anew from every input, and written."""
    async with db.transaction() as tx:
        folding = await folding_of(tx, ["tea"])
        keys = [(row.shop, row.customer) for row in await tx.fetch("select shop, customer from customers")]
        folded = await refold(tx, folding, keys, f"everybody@{tx.clock.now()}", tx.clock.now())
        assert folded.facts() == [], "nobody was left with something unannounced"


@pytest.mark.parametrize("seed", [11])
async def test_folding_whom_it_changes_leaves_the_tables_that_folding_everybody_leaves(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, seed: int
) -> None:
    """SEG-071: states and due times, through months of statistics and two versions of the thresholds."""
    history, until = shop_life(events, seed=seed, customers=24), START + timedelta(days=260)
    cheap, dear = await new_db(), await new_db()
    for db in (cheap, dear):
        clock._now = START
        await set_thresholds(db, STRICTER, 75)
        await set_thresholds(db, Thresholds(), 150, number=2)
        done, now = 0, START
        while now < until:
            now += timedelta(days=20)
            await live(db, clock, history[done:], timedelta(days=20), now, since=now - timedelta(days=20))
            done = sum(1 for event in history if event.time <= now)
            if db is dear:
                await fold_everybody(db)
    assert await states(cheap) == await states(dear)
    seen = [(f.subject, f.id, f.time, f.data) for f in await announced(cheap)]
    assert seen == [(f.subject, f.id, f.time, f.data) for f in await announced(dear)]
    assert {fact[3].TYPE for fact in seen} >= {
        "lifecycle.changed",
        "rfm.changed",
        "segment.entered",
        "segment.left",
    }


async def test_after_every_sweep_each_due_time_is_the_one_that_folding_would_store(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """The index of due times is never behind the statistics: or a change would be missed until the next order."""
    history, now, done = shop_life(events, seed=21, customers=40), START, 0
    await set_thresholds(db, STRICTER, 100)
    for _ in range(10):
        now += timedelta(days=25)
        clock.set(now)
        count = sum(1 for event in history if event.time <= now)
        await feed(db, history[done:count])
        done = count
        await sweep_all(db, clock, now, limit=50)
        async with db.transaction() as tx:
            folding = SegmentFolding(await read_shops(tx, ["tea"]))
            for row in await tx.fetch("select customer, cast(state as text) as state, due_at from customers"):
                due = folding.next_due(CustomerState.model_validate_json(row.state))
                assert row.due_at == (due.at if due is not None else None), row.customer
                assert row.due_at is None or row.due_at > now
            assert await count_due(tx, now) == 0


async def test_a_month_that_changes_nobody_writes_nobody(db: Database, clock: FixedClock, events: Any) -> None:
    """Twenty customers in the middle of their first sixty days, and a 1st between."""
    clock.set(START)
    await sweep_all(db, clock, START)
    await feed(db, [events.completed(f"c{n:02}", f"2025-01-{n + 5:02}T10:00", 30_000) for n in range(20)])
    await sweep_all(db, clock, START + timedelta(days=30))
    written = "select array_agg(cast(xmin as text) order by customer) from customers"
    async with db.transaction() as tx:
        before = await tx.value(written)
    await sweep_all(db, clock, START + timedelta(days=35))
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from shop_statistics where body ->> 'month' = '2025-02-01'") == 1
        assert await tx.value(written) == before


async def test_a_version_that_a_rebuild_meets_late_folds_its_customers_anew(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """Rebuild: orders may be read before the thresholds' versions."""
    history, until = shop_life(events, seed=31, customers=12), START + timedelta(days=230)
    first, last = await new_db(), await new_db()
    data = ThresholdsChanged(
        version=1, valid_from=START + timedelta(days=60), thresholds=STRICTER.model_dump(mode="json")
    )
    changed = Batch([events.make(None, START, data)])
    async with first.transaction() as tx:
        await on_thresholds(tx, changed)
    await live(first, clock, history, timedelta(days=7), until)
    await copy_statistics(first, last)
    clock._now = until
    await feed(last, history)
    for _ in range(2):
        async with last.transaction() as tx:
            await on_thresholds(tx, changed)
            assert await count_due(tx, until) > 0
    await sweep_all(last, clock, until, limit=3)
    assert await states(last) == await states(first)
    assert await differences(last) == []
    async with last.transaction() as tx:
        assert await count_due(tx, until) == 0


async def test_two_processes_sweep_one_month_without_waiting_in_a_circle(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """ShopStatistics once, everybody reviewed, and the states that one process alone leaves."""
    history, until = shop_life(events, seed=51, customers=40), START + timedelta(days=120)
    clock.set(until)
    await feed(db, [event for event in history if event.time <= until])

    async def process() -> None:
        idle = 0
        while idle < 3:
            async with db.transaction() as tx:
                idle = 0 if await sweep(tx, until, 5) else idle + 1
            await asyncio.sleep(0)

    await asyncio.gather(process(), process())
    await sweep_all(db, clock, until)
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from shop_statistics") == 1
        assert await count_due(tx, until) == 0
    assert await differences(db) == []


async def test_a_longer_window_has_everybody_folded_anew_before_it_is_in_force(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """The sums by day of a customer who bought long ago reached back twelve months alone."""
    bought = [events.completed("c1", START + timedelta(days=30 * n)) for n in range(3)]
    now = START + timedelta(days=60)
    await live(db, clock, bought, timedelta(days=30), now)
    again = now + timedelta(days=400)
    await live(db, clock, [events.completed("c1", again - timedelta(days=1))], timedelta(days=40), again, since=now)
    async with db.transaction() as tx:
        assert len(await days_of(tx)) == 1
        await save_thresholds(tx, "tea", Thresholds(rfm=RfmRules(window_months=36)), again + timedelta(days=9), None)
    await sweep_all(db, clock, again)
    async with db.transaction() as tx:
        assert len(await days_of(tx)) == 4
    assert await differences(db) == []


async def days_of(tx: Transaction) -> list[Any]:
    state = await tx.value("select cast(state as text) from customers where customer = 'c1'")
    return CustomerState.model_validate_json(state).purchases.spent["CNY"]


async def test_a_shop_without_customers_may_have_thresholds(db: Database, clock: FixedClock) -> None:
    await set_thresholds(db, STRICTER, 10)
    await sweep_all(db, clock, START + timedelta(days=1))
    async with db.transaction() as tx:
        assert await count_due(tx, START + timedelta(days=1)) == 0


async def test_a_customer_who_cannot_be_evaluated_keeps_nobody_from_new_thresholds(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """The customer is set aside and shown; once the state can be read again, the next try makes up for it."""
    until = START + timedelta(days=60)
    history = [event for event in shop_life(events, seed=61, customers=20) if event.time < until]
    await live(db, clock, history, timedelta(days=20), until)
    dues = "select customer, due_at from customers order by customer"
    async with db.transaction() as tx:
        before = [tuple(row) for row in await tx.fetch(dues)]
        state = await tx.value("select cast(state as text) from customers where customer = 'c007'")
        await tx.execute(
            "update customers set state = jsonb_set(cast(state as jsonb), '{purchases,last_day}', '\"no day\"')"
            " where customer = 'c007'"
        )
    await set_thresholds(db, STRICTER, 61)
    await sweep_all(db, clock, until)
    async with db.transaction() as tx:
        after = [tuple(row) for row in await tx.fetch(dues)]
        changed = {old[0] for old, new in zip(before, after, strict=True) if old != new}
        assert len(changed) > 10
        assert "c008" in changed
        assert "c007" not in changed
        assert await set_aside.count_by_job(tx) == {"rescheduling": 1}
        assert await count_due(tx, until) == 0
        await tx.execute("update customers set state = cast(:state as jsonb) where customer = 'c007'", state=state)
        await set_aside.retry_now(tx, None, until)
    await sweep_all(db, clock, until)
    async with db.transaction() as tx:
        mended = {row.customer: row.due_at for row in await tx.fetch(dues)}
        assert mended["c007"] != dict(before)["c007"]
        assert await set_aside.count_by_job(tx) == {}


async def test_a_shop_whose_statistics_fail_keeps_no_other_shop_from_its_own(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """The shop is set aside and shown, and its inputs of the new month wait; the next try makes up for it."""
    clock.set(START)
    bought = [events.completed("c1", "2025-01-10T10:00"), events.completed("c2", "2025-01-11T10:00")]
    other = [replace(event, shop="wine", source="/shops/wine/web") for event in bought]
    await sweep_all(db, clock, START)
    await feed(db, [*bought, *other])
    await sweep_all(db, clock, START + timedelta(days=20))
    async with db.transaction() as tx:
        paid = await tx.value("select paid from sales where shop = 'tea' and customer = 'c1'")
        await tx.execute(f"update sales set paid = {-(2**63) + 1}, refunded = 2 where shop = 'tea' and customer = 'c1'")
    february = "select shop from shop_statistics where body ->> 'month' = '2025-02-01' order by shop"
    await sweep_all(db, clock, START + timedelta(days=35))
    async with db.transaction() as tx:
        assert [row.shop for row in await tx.fetch(february)] == ["wine"]
        assert await set_aside.count_by_job(tx) == {"statistics": 1}
        assert await count_due(tx, clock.now()) == 0
        await tx.execute(
            "update sales set paid = :paid, refunded = 0 where shop = 'tea' and customer = 'c1'", paid=paid
        )
        await set_aside.retry_now(tx, None, clock.now())
    await sweep_all(db, clock, clock.now())
    async with db.transaction() as tx:
        assert [row.shop for row in await tx.fetch(february)] == ["tea", "wine"]
        assert await set_aside.count_by_job(tx) == {}


async def test_the_first_statistics_of_a_shop_wait_until_its_history_is_in(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """A21: computed while an import is under way, they would be of what had come by chance, and stay so."""
    job, other = "tills-1", "tills-2"

    async def tell(at: datetime, kind: type[ImportStarted | ImportEnded], name: str) -> None:
        async with db.transaction() as tx:
            await save_imports(tx, [Event(f"{name}-{at}", "/shops/tea/x", "tea", None, at, kind(job_id=name))])

    async def months() -> int:
        async with db.transaction() as tx:
            return int(await tx.value("select count(*) from shop_statistics where shop = 'tea'"))

    await tell(START, ImportStarted, job)
    await feed(db, [events.completed("c1", "2024-12-10T10:00")])
    await sweep_all(db, clock, START + timedelta(hours=1))
    assert await months() == 0
    await tell(START + timedelta(hours=1), ImportStarted, other)
    await tell(START + timedelta(hours=2), ImportEnded, job)
    await sweep_all(db, clock, START + timedelta(hours=3))
    assert await months() == 0, "the other one goes on"
    await feed(db, [events.completed("c2", "2024-12-11T10:00")])
    await tell(START + timedelta(hours=4), ImportEnded, other)
    await sweep_all(db, clock, START + timedelta(hours=4) - timedelta(seconds=1))
    assert await months() == 0, "what was in the log when it ended is not known to be read"
    await sweep_all(db, clock, START + timedelta(hours=4))
    assert await months() == 1
    async with db.transaction() as tx:
        assert await tx.value("select body ->> 'buyers' from shop_statistics where shop = 'tea'") == "2"
    await tell(START + timedelta(days=30), ImportStarted, job)
    await sweep_all(db, clock, START + timedelta(days=31))
    assert await months() == 2, "later ones wait for nothing"


async def test_nobody_is_turned_while_the_first_statistics_wait_for_the_history(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """SEG-009, SEG-019: a turn of this month's would be without this month's statistics, and stay so."""
    now = START + timedelta(days=50)  # in the middle of a month
    told = [
        events.completed(f"c{n:02}", START - timedelta(days=each + n % 40), 10_000 * (n + 1))
        for n in range(60)
        for each in (15, 50)
    ]
    told.sort(key=lambda event: event.order_key)
    importing, at_once = await new_db(), await new_db()
    for db in (importing, at_once):
        async with db.transaction() as tx:
            data = ImportStarted(job_id="tills")
            await save_imports(tx, [Event("begun", "/shops/tea/x", "tea", None, now, data)])
        clock._now = now
        await feed(db, told)
        if db is importing:
            await sweep_all(db, clock, now + timedelta(minutes=1))
            async with db.transaction() as tx:
                assert await tx.value("select count(*) from customers where due_at <= :now", now=now) > 0, "they wait"
        ended = now + timedelta(minutes=2)
        async with db.transaction() as tx:
            over = ImportEnded(job_id="tills")
            await save_imports(tx, [Event("ended", "/shops/tea/x", "tea", None, ended, over)])
        await sweep_all(db, clock, ended)
        assert await differences(db) == []
    assert await states(importing) == await states(at_once)


async def test_an_import_that_never_ends_holds_the_first_statistics_for_a_day(
    db: Database, clock: FixedClock, events: Any
) -> None:
    async with db.transaction() as tx:
        data = ImportStarted(job_id="lost-1")
        await save_imports(tx, [Event("lost", "/shops/tea/x", "tea", None, START, data)])
    await feed(db, [events.completed("c1", "2024-12-10T10:00")])
    for hours, known in ((23, 0), (25, 1)):
        await sweep_all(db, clock, START + timedelta(hours=hours))
        async with db.transaction() as tx:
            assert await tx.value("select count(*) from shop_statistics where shop = 'tea'") == known
