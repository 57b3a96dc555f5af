"""A customer's state is the same whatever the order, batches, repetitions and sweeps in which the inputs came."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.membership import MemberEnrolled
from common.fold import long, working
from common.storage.database import Database
from common.time.clock import FixedClock
from regulars.circles import nothing_in_circles
from segmentation.customers.state import CustomerState
from segmentation.fold import INPUTS
from segmentation.handlers import SUBSCRIPTIONS, on_members
from segmentation.jobs.sweeping import count_due
from segmentation.report.store import sum_revenue

from .shop_life import START, announced, copy_statistics, differences, feed, live, shop_life, states, sweep_all


async def test_order_batches_and_repetition_of_the_sweeps_never_show(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """C-14, L1: same inputs and statistics, any order, batches of 1, 2 and 500: same states."""
    history, until = shop_life(events, seed=1), START + timedelta(days=300)
    first = await new_db()
    await live(first, clock, history, timedelta(days=20), until)
    expected = await states(first)
    methods = {fact.data.method for fact in await announced(first) if fact.data.TYPE == "rfm.changed"}
    assert methods == {"fixed", "mean"}, "the history must reach the mean split"
    for size in (1, 2, 500):
        other = await new_db()
        await copy_statistics(first, other)
        shuffled = history[:]
        random.Random(size).shuffle(shuffled)
        half = len(shuffled) // 2
        await feed(other, shuffled[:half], size)
        await sweep_all(other, clock, START + timedelta(days=100 * (size % 3)))
        await feed(other, shuffled[half:], size)
        await sweep_all(other, clock, until)
        assert await states(other) == expected, f"batches of {size}"
        assert await differences(other) == []


async def test_a_long_history_ends_as_a_short_one(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L1 where what is late is postponed, and every customer is folded anew in turns of a few inputs."""
    history, until = shop_life(events, seed=8, customers=15), START + timedelta(days=200)
    first, long_ones, late = await new_db(), await new_db(), 0
    await live(first, clock, history, timedelta(days=7), until)
    await copy_statistics(first, long_ones)
    monkeypatch.setattr(working, "MANY_INPUTS", 2)
    monkeypatch.setattr(long, "TURN_S", 0.0)
    monkeypatch.setattr(long, "PAGE", 2)
    random.Random(8).shuffle(history)
    for start in range(0, len(history), 30):
        await feed(long_ones, history[start : start + 30], 7)
        async with long_ones.transaction() as tx:
            late += await tx.value("select count(*) from history where postponed")
        assert await differences(long_ones) == [], "who waits to be folded anew is no difference"
        await sweep_all(long_ones, clock, until)
    assert late > 10
    assert await states(long_ones) == await states(first)
    assert await differences(long_ones) == []


async def test_what_is_announced_does_not_depend_on_the_length_of_a_replays_step(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """The step that holds the 1st publishes its events first and makes the statistics after; a day's step does not.

    All the same each fact tells what had happened by its time: equal states, due times, statistics and facts.
    """
    history, until = shop_life(events, seed=2, customers=34, days=155), START + timedelta(days=155)
    found = []
    for days in (1, 7, 45):
        db = await new_db()
        async with db.transaction() as tx:
            await tx.execute("update shop_settings set valid_from = :start", start=START)
        clock._now = START
        await live(db, clock, history, timedelta(days=days), until)
        said = sorted((f.subject, f.data.revision, f.id, f.time, f.data) for f in await announced(db))
        found.append((await statistics_of(db), await states(db), said))
        async with db.transaction() as tx:
            assert await tx.value("select count(*) from history where held") == 0
    daily, weekly, longer = found
    assert weekly == daily
    assert longer == daily
    assert {fact[4].TYPE for fact in daily[2]} >= {"rfm.changed", "lifecycle.changed"}


async def statistics_of(db: Database) -> list[tuple[Any, ...]]:
    async with db.transaction() as tx:
        rows = await tx.fetch("select shop, version, as_of, cast(body as text) from shop_statistics order by version")
        return [tuple(row) for row in rows]


async def test_an_input_past_a_month_without_statistics_is_held_and_announced_after_them(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(START + timedelta(days=5))
    await feed(db, [events.completed("c1", "2025-01-03T10:00")])
    assert await announced(db) == []
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from history where held") == 1
        assert await count_due(tx, clock.now()) > 0
    await sweep_all(db, clock, clock.now())
    assert {fact.data.TYPE for fact in await announced(db)} == {"stage.changed", "lifecycle.changed", "rfm.changed"}
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from history where held") == 0
    assert await differences(db) == []


async def test_facts_bear_rising_revisions_and_ids_that_a_replay_makes_again(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    history = shop_life(events, seed=3, customers=8)
    one, two = await new_db(), await new_db()
    for db in (one, two):
        await live(db, clock, history, timedelta(days=7), START + timedelta(days=250))
        clock._now = START  # a replay begins anew
    facts = await announced(one)
    assert facts
    assert [(f.id, f.time, f.data) for f in facts] == [(f.id, f.time, f.data) for f in await announced(two)]
    assert len({fact.id for fact in facts}) == len(facts)
    last: dict[str, int] = {}
    for fact in facts:
        assert fact.subject is not None
        assert fact.data.revision == last.get(fact.subject, 0) + 1
        last[fact.subject] = fact.data.revision


async def test_a_refund_that_comes_before_its_order_waits_for_it(db: Database, clock: FixedClock, events: Any) -> None:
    clock.set(START + timedelta(days=20))
    await feed(db, [events.refunded("c1", "2025-01-05T10:00", "o-1", 4_000)])
    await feed(db, [events.completed("c1", "2025-01-04T10:00", 10_000, order="o-1")])
    await sweep_all(db, clock, clock.now())
    state = CustomerState.model_validate_json((await states(db))[0][2])
    assert state.rfm.score is not None
    assert state.rfm.score.monetary == 6_000


async def test_a_customer_is_the_shops_own(db: Database, clock: FixedClock, events: Any) -> None:
    clock.set(START + timedelta(days=20))
    event = events.completed("c1", "2025-01-04T10:00")
    await feed(db, [event, Event(event.id, "/shops/wine/web", "wine", "c1", event.time, event.data)])
    assert [row[:2] for row in await states(db)] == [("tea", "c1"), ("wine", "c1")]


async def test_an_order_without_a_customer_counts_in_the_totals_alone(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(START + timedelta(days=20))
    await feed(
        db,
        [
            events.completed("c1", "2025-01-04T10:00", 1_000, order="a"),
            events.completed(None, "2025-01-04T10:00", 500, order="b", revision=2),
            events.completed(None, "2025-01-03T10:00", 900, order="b", revision=1),
            events.refunded(None, "2025-01-05T10:00", "b", 200),
            events.completed(None, "2025-01-03T10:00", 700, order="c", revision=1),
            events.closed(None, "2025-01-06T10:00", "c", revision=2),
            events.completed(None, "2025-01-06T10:00", 70, order="d", currency="USD"),
        ],
        2,
    )
    await sweep_all(db, clock, clock.now())
    assert len(await states(db)) == 1
    async with db.transaction() as tx:
        found = await sum_revenue(tx, "tea")
    assert [(r.currency, r.orders, r.paid, r.refunded) for r in found] == [("CNY", 2, 1_500, 200), ("USD", 1, 70, 0)]


async def test_members_are_remembered_once(db: Database, events: Any) -> None:
    enrolled = MemberEnrolled(enrolled_at=START, tier="Regular")
    facts = [events.make(name, START, enrolled) for name in ("c2", "c1", "c2")]
    for _ in range(2):
        async with db.transaction() as tx:
            await on_members(tx, Batch(facts))
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from members") == 2


def test_every_input_is_folded_by_one_handler_and_no_handler_takes_an_event_twice() -> None:
    """What others remember of an input beside the fold is theirs: how an order was bought, what a profile says."""
    folded = [kind for subscription in SUBSCRIPTIONS if subscription.kept is not None for kind in subscription.types]
    assert len(folded) == len(set(folded))
    assert set(INPUTS) <= set(folded)
    taken = [(subscription.handler, kind) for subscription in SUBSCRIPTIONS for kind in subscription.types]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("part", ["life_cycle", "purchases"])
async def test_verify_finds_a_state_that_was_tampered_with(
    db: Database, clock: FixedClock, events: Any, part: str
) -> None:
    """V2: the checker itself."""
    await feed(db, shop_life(events, seed=4, customers=3, days=60))
    await sweep_all(db, clock, START + timedelta(days=61))
    assert await differences(db) == []
    async with db.transaction() as tx:
        without = "update customers set state = cast(state as jsonb) - cast(:part as text) where customer = 'c001'"
        await tx.execute(without, part=part)
    assert [line for line in await differences(db) if "tea/c001" in line and part in line]


async def test_customers_who_are_folded_are_freed_at_once(db: Database, clock: FixedClock, events: Any) -> None:
    """O4: in order, late, by the sweep. A state that referred to itself would wait for the collector until the end."""
    history = shop_life(events, seed=2)
    with nothing_in_circles():
        await feed(db, sorted(history[::2], key=lambda e: e.order_key), 50)
        await feed(db, history[1::2], 50)
        await sweep_all(db, clock, START + timedelta(days=100))
