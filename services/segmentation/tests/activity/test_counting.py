"""Activity in the database: claimed once, counted once, and never folded but for the first sign of interest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.bus.inbox import claim_each
from common.events.activity import ProductViewed
from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.fold import CLAIMED

from ..shop_life import START, announced, differences, feed, states, sweep_all

INPUTS = "select count(*) from history where customer = 'c1'"


async def test_of_many_views_one_is_an_input_and_all_are_counted(db: Database, clock: FixedClock, events: Any) -> None:
    clock.set(START + timedelta(days=20))
    views = [events.viewed("c1", START + timedelta(hours=n)) for n in range(48)]
    await feed(db, [*views, *views], 7)
    await sweep_all(db, clock, clock.now())
    async with db.transaction() as tx:
        assert await tx.value(INPUTS) == 1
        assert await tx.value("select sum(count) from activity") == 48
        assert await tx.value("select count(*) from inbox") == 48 + 3, "and our own statistics and fits"
    assert [(fact.data.TYPE, fact.data.new) for fact in await announced(db)] == [("stage.changed", "new")]
    assert await differences(db) == []


async def test_views_change_no_state_once_the_customer_has_ordered(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(START + timedelta(days=20))
    await feed(db, [events.completed("c1", START + timedelta(days=1))])
    await sweep_all(db, clock, clock.now())
    before = (await states(db))[0][:5]
    await feed(db, [events.viewed("c1", START + timedelta(days=n)) for n in (2, 3, 4)], 2)
    assert (await states(db))[0][:5] == before
    async with db.transaction() as tx:
        assert await tx.value(INPUTS) == 1


async def test_one_id_with_another_body_is_a_conflict_whatever_became_of_the_first(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """Both the activity that became an input and one that did not are claimed in the inbox."""
    clock.set(START + timedelta(days=20))
    views = [events.viewed("c1", START + timedelta(hours=n)) for n in (1, 2)]
    await feed(db, views, 1)
    others = [events.make("c1", view.time, ProductViewed(sku="black")) for view in views]
    for other, view in zip(others, views, strict=True):
        object.__setattr__(other, "id", view.id)
    async with db.transaction() as tx:
        told = [(event, event.encode()) for event in (*views, *others)]
        assert await claim_each(tx, told, CLAIMED) == ["duplicate", "duplicate", "conflict", "conflict"]


async def test_an_earlier_view_that_comes_late_is_late_news(db: Database, clock: FixedClock, events: Any) -> None:
    clock.set(START + timedelta(days=20))
    registered = events.registered("c1", START + timedelta(days=2))
    await feed(db, [registered, events.viewed("c1", START + timedelta(days=5))])
    await sweep_all(db, clock, clock.now())
    await feed(db, [events.viewed("c1", START + timedelta(days=1))])
    async with db.transaction() as tx:
        assert await tx.value("select state ->> 'interest_at' from customers") == "2025-01-02T00:00:00Z"
    assert await differences(db) == []
