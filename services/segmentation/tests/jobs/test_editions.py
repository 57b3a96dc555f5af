"""Statistics of a month are made anew where much of the history before it is told after them, and by nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events import Event
from common.events.segments import ChurnFitted, LifetimeValueFitted, StatisticsComputed
from common.events.shops import ImportEnded, ImportStarted
from common.fold import working
from common.shops.imports import save_imports
from common.storage.database import Database
from common.time.clock import FixedClock
from common.work.sweeps import Sweeper
from segmentation.handlers import on_fits, on_statistics
from segmentation.jobs.editions import make_edition, take_outgrown
from segmentation.jobs.statistics import compute_statistics, take_overdue
from segmentation.jobs.sweeping import WORK, count_due
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shop_statistics.store import STATISTICS
from segmentation.shop_statistics.store_late import AT_LEAST_S, SETTLED_S

from ..shop_life import differences, feed, of_the_shop, states, sweep_all

NOW = datetime(2025, 3, 20, 4, tzinfo=UTC)
SETTLED, LONG = timedelta(seconds=SETTLED_S), timedelta(seconds=AT_LEAST_S)


def history(events: Any, customers: int = 260) -> list[Event[Any]]:
    """Orders of a year and a half and of this month, of customers who differ, in order of their times."""
    draw, made = random.Random(5), []
    for number in range(customers):
        rate, amount, leaves = draw.gammavariate(0.8, 0.03), draw.lognormvariate(9, 0.8), draw.betavariate(0.8, 2.5)
        day: float = draw.randrange(500)
        while day < 560:
            when = datetime(2023, 9, 1, 3, tzinfo=UTC) + timedelta(days=int(day))
            made.append(events.completed(f"c{number:03}", when, int(amount * draw.uniform(0.5, 1.5))))
            day = day + 1 + draw.expovariate(rate) if draw.random() > leaves else 560
    return sorted(made, key=lambda event: event.order_key)


async def editions(db: Database) -> list[tuple[int, int]]:
    """Edition and number of orders known, of each that is kept."""
    async with db.transaction() as tx:
        stored = (await STATISTICS.read(tx, ["tea"]))["tea"]
    return [(each.body.edition, each.body.orders) for each in stored]


async def late_orders(db: Database) -> int:
    async with db.transaction() as tx:
        return int(await tx.value("select coalesce(sum(orders), 0) from late_orders"))


async def fits(db: Database) -> list[tuple[str, int, str]]:
    """Table, edition and status of the fits that stand."""
    async with db.transaction() as tx:
        found = []
        for table in ("value_fits", "churn_fits"):
            row = await tx.fetch_one(
                f"select cast(body ->> 'edition' as int) as edition, body ->> 'status' as status"
                f" from {table} order by version desc limit 1"
            )
            assert row is not None
            found.append((table, row.edition, row.status))
    return found


async def began(db: Database, clock: FixedClock, told: list[Event[Any]]) -> None:
    """The shop tells its first order, and its statistics are made of it."""
    clock.set(NOW)
    await feed(db, told[:1])
    await sweep_all(db, clock, NOW)
    assert await editions(db) == [(0, 1)]
    assert await fits(db) == [("value_fits", 0, "too_few"), ("churn_fits", 0, "too_few")]


async def test_a_history_told_event_by_event_is_fitted_when_it_has_settled(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """SEG-025, SEG-015: not by its first second; and everybody stands as if all had been known from the start."""
    told, db, at_once = history(events), await new_db(), await new_db()
    before = sum(event.time < datetime(2025, 2, 28, 16, tzinfo=UTC) for event in told)
    assert before < len(told)
    await began(db, clock, told)
    await feed(db, told[1:])
    await sweep_all(db, clock, NOW + SETTLED - timedelta(seconds=1))
    assert await editions(db) == [(0, 1)], "more may come"
    async with db.transaction() as tx:
        assert await count_due(tx, NOW + SETTLED) > 0
    await sweep_all(db, clock, NOW + SETTLED)
    assert await editions(db) == [(0, 1), (1, before)]
    found = {(table, status) for table, edition, status in await fits(db) if edition == 1}
    assert len(found) == 2
    assert "too_few" not in {status for _, status in found}
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from late_orders") == 0
        assert await tx.value("select count(*) from customer_values") > 100
        assert await count_due(tx, NOW + SETTLED) == 0
    assert await differences(db) == []
    clock._now = NOW
    await feed(at_once, told)
    await sweep_all(at_once, clock, NOW + SETTLED)
    assert await editions(at_once) == [(0, before)]
    assert found == {(table, status) for table, _, status in await fits(at_once)}
    assert await states(db) == await states(at_once)


async def test_a_rebuild_reads_the_editions_back_and_makes_none(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    told, db, rebuilt = history(events), await new_db(), await new_db()
    await began(db, clock, told)
    await feed(db, told[1:])
    await sweep_all(db, clock, NOW + SETTLED)
    said = await of_the_shop(db)
    clock._now = NOW
    for handler, kinds in ((on_statistics, StatisticsComputed), (on_fits, (LifetimeValueFitted, ChurnFitted))):
        async with rebuilt.transaction() as tx:
            batch = [event for event in said if isinstance(event.data, kinds)]
            await claim(tx, [(event, event.encode()) for event in batch])
            await handler(tx, Batch(batch))
    await feed(rebuilt, told)
    await sweep_all(rebuilt, clock, NOW + 2 * SETTLED)
    assert await editions(rebuilt) == await editions(db)
    assert await states(rebuilt) == await states(db)
    async with rebuilt.transaction() as tx:
        assert await tx.value("select count(*) from late_orders") == 0


async def test_orders_told_again_and_a_few_late_ones_make_no_edition(
    db: Database, clock: FixedClock, events: Any
) -> None:
    told = history(events)
    clock.set(NOW)
    few = len(told) // 10
    await feed(db, told[few:])
    await sweep_all(db, clock, NOW)
    known = await editions(db)
    await feed(db, told[:few])
    await sweep_all(db, clock, NOW + SETTLED)
    assert await editions(db) == known, "less than a quarter more"
    again = [replace(e, id=f"{e.id}-2", data=e.data.model_copy(update={"revision": 2})) for e in told]
    await feed(db, again)
    await sweep_all(db, clock, NOW + 2 * SETTLED)
    assert await editions(db) == known, "as many as were known, and the same"
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from late_orders") == 0


async def test_a_history_that_does_not_settle_counts_after_ten_minutes(
    db: Database, clock: FixedClock, events: Any
) -> None:
    told = history(events)
    await began(db, clock, told)
    now, done = NOW, 1
    while now < NOW + LONG:
        await feed(db, told[done : done + 4])
        done += 4
        now += timedelta(seconds=20)
        await sweep_all(db, clock, now)
    assert await editions(db) == [(0, 1), (1, done)]
    await feed(db, told[done:])
    await sweep_all(db, clock, now + SETTLED)
    assert [edition for edition, _ in await editions(db)] == [0, 1, 2]
    assert (await editions(db))[-1][1] > 2 * done


async def test_a_file_of_history_is_waited_for(db: Database, clock: FixedClock, events: Any) -> None:
    """A shop that lives and then imports its past has its statistics made anew when the file is in."""
    told = history(events)
    await began(db, clock, told)

    async def tell(at: datetime, data: ImportStarted | ImportEnded) -> None:
        async with db.transaction() as tx:
            await save_imports(tx, [Event(f"i-{at}", "/shops/tea/x", "tea", None, at, data)])

    await tell(NOW, ImportStarted(job_id="past"))
    await feed(db, told[1:])
    await sweep_all(db, clock, NOW + LONG)
    assert await editions(db) == [(0, 1)]
    await tell(NOW + LONG, ImportEnded(job_id="past"))
    await sweep_all(db, clock, NOW + LONG)
    assert [edition for edition, _ in await editions(db)] == [0, 1]


@pytest.fixture
def two_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The customers of `history` are counted in two transactions."""
    portion = partial(shop_statistics.compute_portion, portion=200)
    monkeypatch.setattr(shop_statistics, "compute_portion", portion)


def in_two(told: list[Event[Any]]) -> tuple[list[Event[Any]], list[Event[Any]]]:
    """The first order of each customer, and the others."""
    first = {event.subject: event for event in reversed(told)}
    return sorted(first.values(), key=lambda e: e.order_key), [e for e in told if first[e.subject] is not e]


async def count_first_portion(db: Database, clock: FixedClock, told: list[Event[Any]]) -> datetime:
    """The first orders of `told` have settled, and one of the edition's two portions is counted; when it is then."""
    await began(db, clock, told)
    await feed(db, in_two(told)[0][1:])
    now = NOW + SETTLED
    clock.set(now)
    async with db.transaction() as tx:
        tasks = await take_outgrown(tx, now, 1)
        assert tasks
        await make_edition(tx, now, tasks)
        assert await tx.value("select count(*) from statistics_portions") == 1
    return now


def before_the_month(told: list[Event[Any]]) -> int:
    return sum(event.time < datetime(2025, 2, 28, 16, tzinfo=UTC) for event in told)


@pytest.mark.usefixtures("two_portions")
async def test_a_history_that_goes_on_while_an_edition_is_counted_has_it_counted_again(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """Customers whose portion was counted before they were told are in the edition, too."""
    told = history(events)
    now = await count_first_portion(db, clock, told)
    await feed(db, in_two(told)[1])
    await sweep_all(db, clock, now + SETTLED)
    assert await editions(db) == [(0, 1), (1, before_the_month(told))]
    assert await late_orders(db) == 0


@pytest.mark.usefixtures("two_portions")
async def test_what_is_told_while_an_edition_is_counted_is_not_forgotten(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """Where it is little, it counts with what comes after it."""
    told = history(events)
    first, rest = in_two(told)
    late = [e for e in rest if e.customer < ("tea", "c100") and before_the_month([e])]  # of the first portion
    few, much = late[:40], late[40:]
    now = await count_first_portion(db, clock, told)
    await feed(db, few)
    await sweep_all(db, clock, now + SETTLED)
    known = before_the_month(first)
    assert await editions(db) == [(0, 1), (1, known)]
    assert await late_orders(db) == 40
    needed = -(-known // 4) - 40
    assert 0 < needed < len(much)
    await feed(db, much[:needed])
    await sweep_all(db, clock, now + 2 * SETTLED)
    assert await editions(db) == [(0, 1), (1, known), (2, known + 40 + needed)]
    assert await late_orders(db) == 0


@pytest.mark.usefixtures("two_portions")
async def test_a_history_that_is_told_while_the_first_statistics_are_counted_makes_an_edition(
    db: Database, clock: FixedClock, events: Any
) -> None:
    told = history(events)
    first, rest = in_two(told)
    clock.set(NOW)
    await feed(db, first)
    async with db.transaction() as tx:
        await compute_statistics(tx, NOW, await take_overdue(tx, NOW, 1) or ())
        assert await tx.value("select count(*) from statistics_portions") == 1
    await feed(db, rest)
    await sweep_all(db, clock, NOW)
    assert (await editions(db))[0][1] < before_the_month(told)
    await sweep_all(db, clock, NOW + SETTLED)
    assert (await editions(db))[1:] == [(1, before_the_month(told))]
    assert await late_orders(db) == 0


@pytest.mark.usefixtures("two_portions")
async def test_a_file_that_begins_while_an_edition_is_counted_is_in_it(
    db: Database, clock: FixedClock, events: Any
) -> None:
    told = history(events)
    now = await count_first_portion(db, clock, told)
    async with db.transaction() as tx:
        await save_imports(tx, [Event("i1", "/shops/tea/x", "tea", None, now, ImportStarted(job_id="past"))])
    await feed(db, in_two(told)[1])
    now += SETTLED
    await sweep_all(db, clock, now)
    assert await editions(db) == [(0, 1)]
    async with db.transaction() as tx:
        await save_imports(tx, [Event("i2", "/shops/tea/x", "tea", None, now, ImportEnded(job_id="past"))])
    await sweep_all(db, clock, now + timedelta(seconds=1))
    assert await editions(db) == [(0, 1), (1, before_the_month(told))]


async def test_a_long_history_counts_once_it_is_folded(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is postponed is no sale yet: a count would miss it. A rebuild makes no edition that the shop had not."""
    monkeypatch.setattr(working, "MANY_INPUTS", 20)
    db, rebuilt, start = await new_db(), await new_db(), datetime(2024, 6, 1, 3, tzinfo=UTC)
    told = [events.completed("walk-in", start + timedelta(days=n), 1000 + n, order=f"w{n}") for n in range(200)]
    clock.set(NOW)
    await feed(db, told[100:130])
    await sweep_all(db, clock, NOW)
    assert await editions(db) == [(0, 30)]
    await feed(db, [*told[:100], *told[130:]])
    clock.set(NOW + SETTLED)
    await Sweeper(db, [replace(each, most=min(7, each.most)) for each in WORK]).sweep()  # its turn has not come
    assert await editions(db) == [(0, 30)]
    assert await late_orders(db) == 0
    await sweep_all(db, clock, NOW + SETTLED)
    assert await late_orders(db) == 170
    await sweep_all(db, clock, NOW + 2 * SETTLED)
    assert await editions(db) == [(0, 30), (1, 200)]
    assert await late_orders(db) == 0
    said = [event for event in await of_the_shop(db) if isinstance(event.data, StatisticsComputed)]
    clock._now = NOW
    async with rebuilt.transaction() as tx:
        await claim(tx, [(event, event.encode()) for event in said])
        await on_statistics(tx, Batch(said))
    await feed(rebuilt, told)
    await sweep_all(rebuilt, clock, NOW + SETTLED)
    await sweep_all(rebuilt, clock, NOW + LONG)
    assert await editions(rebuilt) == await editions(db)
    assert await late_orders(rebuilt) == 0
