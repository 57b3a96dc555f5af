"""Is a customer's state the same whatever the order, batches, repetitions and sweeps in which the inputs came?"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from common.clock import FixedClock
from common.consumer import Batch
from common.db import Database
from common.events import Event
from common.events.membership import MemberEnrolled
from segmentation.domain.state import CustomerState
from segmentation.handlers import SUBSCRIPTIONS, on_members
from segmentation.jobs import verify
from segmentation.store import totals

from .shop_life import START, announced, copy_figures, feed, live, shop_life, states, sweep_all


async def test_order_batches_and_repetition_of_the_sweeps_never_show(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """C-14, L1: same inputs and figures, any order, batches of 1, 2 and 500: same states."""
    history, until = shop_life(events, seed=1), START + timedelta(days=300)
    first = await new_db()
    await live(first, clock, history, timedelta(days=7), until)
    expected = await states(first)
    methods = {fact.data.method for fact in await announced(first) if fact.data.TYPE == "rfm.changed"}
    assert methods == {"fixed", "mean"}, "the history must reach the mean split"
    for size in (1, 2, 500):
        other = await new_db()
        await copy_figures(first, other)
        shuffled = history[:]
        random.Random(size).shuffle(shuffled)
        half = len(shuffled) // 2
        await feed(other, shuffled[:half], size)
        await sweep_all(other, clock, START + timedelta(days=100 * (size % 3)))
        await feed(other, shuffled[half:], size)
        await sweep_all(other, clock, until)
        assert await states(other) == expected, f"batches of {size}"
        async with other.transaction() as tx:
            assert await verify(tx) == []


async def test_events_that_pass_the_first_before_its_figures_are_folded_anew_with_them(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """The step that holds the 1st publishes its events first and makes the figures after; a day's step does not."""
    # The last step holds 1 July and ends within it: nothing later judges its customers once more.
    history, until = shop_life(events, seed=2, days=195), START + timedelta(days=195)
    daily, monthly = await new_db(), await new_db()
    await live(daily, clock, history, timedelta(days=1), until)
    await live(monthly, clock, history, timedelta(days=45), until)
    async with daily.transaction() as tx:
        figures = await tx.fetch("select month, gaps, buyers, recency_sum, monetary from shop_figures order by month")
    async with monthly.transaction() as tx:
        others = await tx.fetch("select month, gaps, buyers, recency_sum, monetary from shop_figures order by month")
        corrections = await tx.value("select count(*) from customers where waited is not null")
    assert corrections == 0, "nobody waits once it was swept"
    by_month = {row.month: row for row in figures}
    assert [tuple(row) for row in others] == [tuple(by_month[row.month]) for row in others]
    assert len(others) == 6, "no month between two sweeps is left out"
    ours, theirs = await states(daily), await states(monthly)
    assert theirs == ours
    ids = [fact.id for fact in await announced(monthly)]
    assert len(set(ids)) == len(ids), "a correction by figures is not the due of their day"


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
    state = CustomerState.model_validate_json((await states(db))[0][2])
    assert state.rfm is not None
    assert state.rfm.monetary == 6_000


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
    assert len(await states(db)) == 1
    async with db.transaction() as tx:
        found = await totals.sum_revenue(tx, "tea")
    assert [(r.currency, r.orders, r.paid, r.refunded) for r in found] == [("CNY", 2, 1_500, 200), ("USD", 1, 70, 0)]


async def test_members_are_remembered_once(db: Database, events: Any) -> None:
    enrolled = MemberEnrolled(enrolled_at=START, tier="Regular")
    facts = [events.make(name, START, enrolled) for name in ("c2", "c1", "c2")]
    for _ in range(2):
        async with db.transaction() as tx:
            await on_members(tx, Batch(facts))
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from members") == 2


def test_every_input_has_exactly_one_handler() -> None:
    types = [kind for subscription in SUBSCRIPTIONS for kind in subscription.types]
    assert len(types) == len(set(types))


@pytest.mark.parametrize("column", ["life_cycle", "orders"])
async def test_verify_finds_a_state_that_was_tampered_with(
    db: Database, clock: FixedClock, events: Any, column: str
) -> None:
    """V2: the checker itself."""
    await feed(db, shop_life(events, seed=4, customers=3, days=60))
    await sweep_all(db, clock, START + timedelta(days=61))
    async with db.transaction() as tx:
        assert await verify(tx) == []
        await tx.execute(
            "update customers set state = state - cast(:column as text) where customer = 'c001'", column=column
        )
        assert [line for line in await verify(tx) if "tea/c001" in line and column in line]
