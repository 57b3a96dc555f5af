"""Whom new statistics or thresholds change is folded as everybody is looked at, as the sweep would fold them later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.fold.folding import Due, advance, fold_all, same
from common.shops.settings import ShopSettings
from common.storage.customer_rows import CustomerRow
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.work import set_aside
from common.work.set_aside import Task
from common.work.sweeps import Sweeper
from segmentation.commands.segments import define
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding, folding_of
from segmentation.jobs.rescheduling import moved, reschedule
from segmentation.jobs.sweeping import WORK
from segmentation.rescheduling import store as rescheduling
from segmentation.rescheduling.store import Scheduled
from segmentation.segments.state import Definition
from segmentation.segments.store_standings import Day
from segmentation.shops.state import shop_with
from segmentation.thresholds.state import RfmRules, Thresholds, Version

from ..histories import INPUTS, KEY, KNOWN, START, VERSIONS, ZONE, history
from ..shop_life import START as BEGAN
from ..shop_life import differences, feed, shop_life, take
from .test_sweeping import set_thresholds

GRADED = Thresholds(rfm=RfmRules(method="quantile", buyers_needed=10))
ROWS = """
select c.customer, cast(cast(c.state as jsonb) as text), c.last_time, c.done_until, c.due_at, c.revision, c.inputs,
       d.due_at as asked_at, d.changed
from customers c left join segment_dues d using (shop, customer) order by c.customer
"""
FACTS = "select aggregateid, id, type, payload from outbox where aggregateid not like '%/statistics' order by seq"


@given(drawn=INPUTS, versions=VERSIONS, behind=st.integers(1, 90), ahead=st.integers(0, 120))
def test_what_is_found_on_looking_is_what_a_fold_does(
    events: Any, drawn: Any, versions: list[Version], behind: int, ahead: int
) -> None:
    """SEG-013, SEG-019: months of statistics by means and by quantiles; steps and states of the two ways are equal."""
    made, settings = history(events, drawn), ShopSettings.always(ZONE)
    for number in range(len(KNOWN)):
        shop = shop_with(settings, KNOWN[: number + 1], START, versions)
        folding, since = SegmentFolding({"tea": shop}), KNOWN[number].as_of
        state, _, _ = fold_all(folding, [e for e in made if e.time < since], since - timedelta(days=behind), KEY)
        if not state.shop:
            continue
        before = SegmentFolding({"tea": shop_with(settings, KNOWN[:number], START, versions)}).next_due(state)
        row = CustomerRow(KEY, None, None, None, before.at if before else None, 0, 0)
        expected, now = deepcopy(state), since + timedelta(days=ahead)
        steps, done = advance(folding, expected, now, KEY)
        for each, due in moved(folding, [Scheduled(row, state)], since):
            assert due == folding.next_due(each.state)
            if due is None or due.at > now:
                assert (steps, done) == ([], None)
                continue
            effects = folding.fall_due(each.state, due)
            assert (steps[0].cause, steps[0].at, steps[0].effects) == (due.cause, due.at, effects)
            assert advance(folding, each.state, now, KEY)[0] == steps[1:]
            assert same(each.state, expected)


async def store_dues(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Look at everybody and fold nobody: the sweep comes to whoever is due."""
    folding = await folding_of(tx, {task.shop for task in tasks})
    page = await rescheduling.get_scheduled(tx, "tea", [task.customer for task in tasks])
    since = min(datetime.fromisoformat(task.what) for task in tasks)
    dues = [(each.customer, due.at if due else None) for each, due in moved(folding, page, since)]
    await rescheduling.lock_scheduled(tx, "tea", page, "segments", now)
    await rescheduling.save_dues(tx, "tea", dues)
    return len(tasks)


async def sweep_by(db: Database, now: datetime, do: Any, most: int = 40) -> None:
    jobs = [replace(job, do=do, most=most) if job.name == "rescheduling" else job for job in WORK]
    await Sweeper(db, jobs).sweep(until=now)


async def rows(db: Database) -> tuple[list[Any], dict[str, list[Any]]]:
    """Customers as stored, and the facts of each in their order."""
    facts: dict[str, list[Any]] = {}
    async with db.transaction() as tx:
        for row in await tx.fetch(FACTS):
            facts.setdefault(row.aggregateid, []).append(tuple(row)[1:])
        return [tuple(row) for row in await tx.fetch(ROWS)], facts


@pytest.mark.parametrize("given", [GRADED, Thresholds(rfm=RfmRules(buyers_needed=10))])
async def test_folded_on_looking_and_folded_by_the_sweep_are_the_same_rows(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, given: Thresholds
) -> None:
    """SEG-071: states, dues, revisions, marks, and every fact with its id, number and order, through eight months."""
    made = shop_life(events, seed=5, customers=60, days=240)
    at_once, later = await new_db(), await new_db()
    for db, do in ((at_once, reschedule), (later, store_dues)):
        clock._now = BEGAN - timedelta(days=10)
        await set_thresholds(db, given, 0)
        async with db.transaction() as tx:
            away = Definition(name="Away", expression="life_cycle = sleeping or rfm_class = important_value")
            await define(tx, Day(BEGAN.date(), "CNY", {}), "tea", "away", away, None)
        now, done = BEGAN, 0
        while now < BEGAN + timedelta(days=240):
            now += timedelta(days=23)
            clock._now = now
            count = sum(1 for event in made if event.time <= now)
            await feed(db, made[done:count])
            done = count
            await sweep_by(db, now, do)
    found, facts = await rows(at_once)
    assert (found, facts) == await rows(later)
    assert await differences(at_once) == []
    told = {kind for mine in facts.values() for _, kind, _ in mine}
    assert told >= {"rfm.changed", "lifecycle.changed", "segment.entered", "segment.left"}


async def month_begins(db: Database, clock: FixedClock, events: Any, customers: int = 30) -> datetime:
    """A shop of which many customers differ by a new month's statistics, which are stored and not looked at yet."""
    await set_thresholds(db, GRADED, 0)
    bought = [event for event in shop_life(events, seed=8, customers=customers) if event.time < BEGAN]
    bought += [
        events.completed(f"c{n:03}", BEGAN + timedelta(days=n % 27, hours=5), 1_000 * (n * n % 41 + 1), order=f"x{n}")
        for n in range(customers)
    ]
    clock._now = BEGAN + timedelta(days=29)
    await feed(db, bought)
    await sweep_by(db, clock._now, reschedule)
    clock._now = now = BEGAN + timedelta(days=33)
    jobs = [job for job in WORK if job.name == "statistics"]
    await Sweeper(db, jobs).sweep(until=now)
    return now


async def test_a_page_that_is_undone_is_done_again_once(db: Database, clock: FixedClock, events: Any) -> None:
    """XCT-006: a process that dies before the commit leaves nothing; the next one makes each fact once."""
    now = await month_begins(db, clock, events)
    before = await rows(db)
    (job,) = (job for job in WORK if job.name == "rescheduling")

    async def killed() -> None:
        async with db.transaction() as tx:
            tasks = await job.take(tx, now, 1_000)
            assert tasks
            await reschedule(tx, now, tasks)
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await killed()
    assert await rows(db) == before
    await sweep_by(db, now, reschedule)
    _, facts = await rows(db)
    assert sum(map(len, facts.values())) > sum(map(len, before[1].values()))
    async with db.transaction() as tx:
        again = "select count(*) - count(distinct id) from outbox"
        assert await tx.value(again) == 0
    assert await differences(db) == []


async def test_an_order_that_comes_between_looking_and_locking_counts(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """SEG-071: the customer is locked by the order's batch, waited for, and looked at again as they stand then."""
    now = await month_begins(db, clock, events)
    (job,) = (job for job in WORK if job.name == "rescheduling")
    looking = asyncio.Event()

    async def look() -> None:
        async with db.transaction() as tx:
            tasks = await job.take(tx, now, 1_000)
            assert tasks
            looking.set()
            await reschedule(tx, now, tasks)

    ordered = [events.completed(f"c{n:03}", BEGAN + timedelta(days=32), 70_000, order=f"y{n}") for n in range(12)]
    async with db.transaction() as tx:
        await tx.lock_customers([event.customer for event in ordered])
        task = asyncio.create_task(look())
        await looking.wait()
        waiting, found = "datname = current_database() and wait_event_type = 'Lock'", False
        while not found:
            async with db.transaction() as other:
                found = await other.value(f"select exists (select from pg_stat_activity where {waiting})")
            await asyncio.sleep(0.01)
        await take(tx, ordered)
    await task
    await sweep_by(db, now, reschedule)
    async with db.transaction() as tx:
        inputs = "select min(inputs) from customers where customer < 'c012'"
        assert await tx.value(inputs) >= 2, "the month's own order, and this one"
        folding = await folding_of(tx, ["tea"])
        for each in await rescheduling.get_scheduled(tx, "tea", [f"c{n:03}" for n in range(30)]):
            due = folding.next_due(each.state)
            assert each.row.due_at == (due.at if due else None), each.customer
    assert await differences(db) == []


async def test_who_is_set_aside_of_the_sweep_is_left_to_it(db: Database, clock: FixedClock, events: Any) -> None:
    now = await month_begins(db, clock, events)
    async with db.transaction() as tx:
        await set_aside.put(tx, "segments", Task("tea", "c003"), now + timedelta(days=1), "a test")
    (job,) = (job for job in WORK if job.name == "rescheduling")
    await Sweeper(db, [job]).sweep(until=now)
    async with db.transaction() as tx:
        due = await tx.fetch("select customer from customers where due_at <= :now", now=now)
        assert [row.customer for row in due] == ["c003"]


async def test_of_a_page_with_one_who_cannot_be_folded_the_sweep_does_all_the_others(
    db: Database, clock: FixedClock, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other they would hold the locks of a thousand customers for a minute, month after month."""
    now = await month_begins(db, clock, events)
    async with db.transaction() as tx:
        (poisoned,) = await rescheduling.get_scheduled(tx, "tea", ["c003"])
    text, fall_due, fallen = poisoned.state.model_dump_json(), SegmentFolding.fall_due, 0

    def fall(self: SegmentFolding, state: CustomerState, due: Due) -> Any:
        nonlocal fallen
        fallen += 1
        if state.model_dump_json() == text:
            raise ZeroDivisionError
        return fall_due(self, state, due)

    monkeypatch.setattr(SegmentFolding, "fall_due", fall)
    looking, sweeping = (next(job for job in WORK if job.name == name) for name in ("rescheduling", "segments"))
    await Sweeper(db, [looking]).sweep(until=now)
    due = "select customer from customers where due_at <= :now order by 1"
    async with db.transaction() as tx:
        left = [row.customer for row in await tx.fetch(due, now=now)]
        assert await tx.value("select count(*) from set_aside") == 0
    assert "c003" in left
    assert fallen <= len(left), "each was tried once at most"
    await Sweeper(db, [sweeping]).sweep(until=now)
    async with db.transaction() as tx:
        assert [row.customer for row in await tx.fetch(due, now=now)] == ["c003"]
        assert [row.customer for row in await tx.fetch("select customer from set_aside")] == ["c003"]
