"""Inputs of a month that has no statistics yet wait for them, and everything of the same customers behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.segments import ChurnReasonRecorded
from common.storage.database import Database
from common.time.clock import FixedClock
from common.work import set_aside
from common.work.set_aside import Task
from common.work.sweeps import Sweeper
from segmentation.commands.churn_reasons import record_reason
from segmentation.jobs.rescheduling import reschedule
from segmentation.jobs.sweeping import WORK

from ..shop_life import START as BEGAN
from ..shop_life import differences, feed
from .test_rescheduling import rows, sweep_by
from .test_sweeping import STRICTER, set_thresholds

MONTH = BEGAN + timedelta(days=31)


async def turn_of_month(
    db: Database,
    clock: FixedClock,
    before: Sequence[Event[Any]],
    after: Sequence[Event[Any]],
    lists: Sequence[str],
    failed: Sequence[str] = (),
    later: Sequence[Event[Any]] = (),
) -> tuple[list[Any], dict[str, list[Any]]]:
    """A month's start with what came before and after it; its statistics, these work lists one by one, and then all.

    `inputs` in the place of a list: what came `later` than the statistics.
    """
    clock._now = BEGAN - timedelta(days=1)
    await set_thresholds(db, STRICTER, 0)
    clock._now = MONTH - timedelta(days=1)
    await feed(db, before)
    await sweep_by(db, clock._now, reschedule)
    clock._now = now = MONTH + timedelta(days=6)
    await feed(db, after)
    async with db.transaction() as tx:
        for name in failed:
            await set_aside.put(tx, "held", Task("tea", name), now, "a test")
    for name in ("statistics", *lists):
        if name == "inputs":
            await feed(db, later)
        await Sweeper(db, [job for job in WORK if job.name == name]).sweep(until=now)
    for until in (now, now + timedelta(minutes=2)):
        clock._now = until
        await Sweeper(db, WORK).sweep(until=until)
    assert await differences(db) == []
    async with db.transaction() as tx:
        assert not await tx.value("select exists (select from history where held)")
    return await rows(db)


@pytest.mark.parametrize(
    ("lists", "failed"),
    [
        (("rescheduling",), ()),
        (("rescheduling", "segments"), ()),
        (("rescheduling", "held", "segments"), ("c004", "c008")),
    ],
)
async def test_nobody_is_turned_past_inputs_that_wait(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, lists: Sequence[str], failed: Sequence[str]
) -> None:
    """Whatever list comes first, and whosever held inputs fail for a while: who bought in time does not lapse."""
    names = [f"c{n:03}" for n in range(40)]
    times = [MONTH - timedelta(days=27, minutes=-n) for n in range(40)]
    before = [events.completed(name, times[n], 1_000 * (n % 37 + 1), order=f"a{name}") for n, name in enumerate(names)]
    after = [events.completed(name, MONTH + timedelta(days=2), 5_000, order=f"b{name}") for name in names[::4]]
    expected = await turn_of_month(await new_db(), clock, before, after, ("held", "rescheduling", "segments"))
    found = await turn_of_month(await new_db(), clock, before, after, lists, failed)
    told = {key: [kind for _, kind, _ in mine] for key, mine in expected[1].items()}
    assert "segment.entered" in told["tea/c001"], "who bought nothing more"
    assert "segment.entered" not in told["tea/c004"], "who bought before the day"
    assert found[1] == expected[1]
    assert found[0] == expected[0]


async def test_what_comes_after_what_waits_waits_with_it(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """An order of the 6th that finds the statistics stored, and the order of the 3rd not folded yet."""
    names = [f"c{n:03}" for n in range(20)]
    before = [events.completed(name, MONTH - timedelta(days=27), 1_000, order=f"a{name}") for name in names]
    after = [events.completed(name, MONTH + timedelta(days=2), 5_000, order=f"b{name}") for name in names[::4]]
    later = [events.completed(name, MONTH + timedelta(days=5), 7_000, order=f"d{name}") for name in names[::2]]
    expected = await turn_of_month(await new_db(), clock, before, after, ("held", "inputs"), later=later)
    found = await turn_of_month(await new_db(), clock, before, after, ("inputs", "held"), later=later)
    told = {key: [kind for _, kind, _ in mine] for key, mine in expected[1].items()}
    assert "segment.entered" in told["tea/c002"], "who bought on the 6th alone"
    assert "segment.entered" not in told["tea/c004"]
    assert found == expected


async def with_one_held(db: Database, clock: FixedClock, events: Any) -> datetime:
    """An order of before the month, and one of its third day that waits for its statistics; it is the seventh."""
    clock._now = MONTH - timedelta(days=1)
    await feed(db, [events.completed("c000", MONTH - timedelta(days=27), 1_000, order="a")])
    await sweep_by(db, clock._now, reschedule)
    clock._now = now = MONTH + timedelta(days=6)
    await feed(db, [events.completed("c000", MONTH + timedelta(days=2), 5_000, order="b")])
    return now


async def test_a_reason_that_is_recorded_after_what_waits_waits_with_it(
    db: Database, clock: FixedClock, events: Any
) -> None:
    now = await with_one_held(db, clock, events)
    await Sweeper(db, [job for job in WORK if job.name == "statistics"]).sweep(until=now)
    held = "select count(*) from history where held"
    async with db.transaction() as tx:
        assert await record_reason(tx, ("tea", "c000"), "r1", ChurnReasonRecorded(reason="price", source="call"))
        assert await tx.value(held) == 2
    await Sweeper(db, WORK).sweep(until=now)
    async with db.transaction() as tx:
        assert await tx.value(held) == 0
    assert await differences(db) == []


async def test_an_order_whose_folding_failed_over_a_months_turn_is_counted_as_late_for_it(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """SEG-013, decision 0089: statistics do not wait for whose held inputs fail, nor forget their orders."""
    now = await with_one_held(db, clock, events)
    clock._now = later = MONTH + timedelta(days=40)
    async with db.transaction() as tx:
        await set_aside.put(tx, "held", Task("tea", "c000"), later, "a test")
    await Sweeper(db, WORK).sweep(until=now)
    await Sweeper(db, WORK).sweep(until=later)
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from history where held") == 1
        await tx.execute("delete from set_aside")
    await Sweeper(db, [job for job in WORK if job.name == "held"]).sweep(until=later)
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from history where held") == 0
        assert await tx.value("select sum(orders) from late_orders") == 1
