"""Merges of customers: the facts are those of the joined inputs, and an undone merge never was (ORD-040)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.events.segments import StageChanged
from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.commands.thresholds import add_version
from segmentation.handlers import on_merges
from segmentation.shops.store import lock_shops
from segmentation.thresholds.state import RfmRules, Thresholds

from .shop_life import announced, differences, feed, states, sweep_all

NOW = datetime(2025, 1, 28, tzinfo=UTC)
PLANS: dict[str, tuple[tuple[tuple[type[Any], str, int], ...], dict[str, str]]] = {
    "a merge": (((CustomerMerged, "c0<c1", 1),), {"c1": "c0"}),
    "a chain": (((CustomerMerged, "c0<c1", 1), (CustomerMerged, "c2<c0", 1)), {"c1": "c2", "c0": "c2"}),
    "undone": (((CustomerMerged, "c0<c1", 1), (CustomerUnmerged, "c0<c1", 2)), {}),
    "undone within a chain": (
        ((CustomerMerged, "c0<c1", 1), (CustomerMerged, "c2<c0", 1), (CustomerUnmerged, "c0<c1", 2)),
        {"c0": "c2"},
    ),
}


def inputs(events: Any, seed: int) -> list[Event[Any]]:
    """January of three customers: visits, orders, refunds."""
    draw, found = random.Random(seed), list[Event[Any]]()
    for name in ("c0", "c1", "c2"):
        found.append(events.registered(name, f"2025-01-0{draw.randint(1, 4)}T09:00"))
        for number in range(draw.randint(1, 5)):
            day = draw.randint(3, 20)
            order = f"{name}-{seed}-{number}"
            found.append(events.completed(name, f"2025-01-{day:02d}T1{number}:00", draw.randint(100, 50_000), order))
            if draw.random() < 0.4:
                found.append(events.refunded(name, f"2025-01-{day + 2:02d}T12:00", order, 50))
            found.append(events.viewed(name, f"2025-01-{draw.randint(1, 20):02d}T08:{number}0"))
    return sorted(found, key=lambda event: event.time)


async def lived(db: Database, clock: FixedClock, arriving: list[Event[Any]]) -> None:
    clock.set(NOW)
    for event in arriving:
        if isinstance(event.data, CustomerMerged | CustomerUnmerged):
            async with db.transaction() as tx:
                await on_merges(tx, Batch([event]))
        else:
            await feed(db, [event])
    await sweep_all(db, clock, NOW)


@pytest.mark.parametrize("plan", PLANS)
async def test_whatever_was_merged_customers_are_those_of_the_joined_inputs(
    new_db: Any, events: Any, clock: FixedClock, plan: str
) -> None:
    told, survivors = PLANS[plan]
    mine = inputs(events, seed=len(plan))
    merges = []
    for number, (kind, pair, sequence) in enumerate(told):
        survivor, absorbed = pair.split("<")
        data = kind(survivor=survivor, absorbed=absorbed, sequence=sequence)
        merges.append(events.make(survivor, NOW - timedelta(minutes=9 - number), data))
    as_one = [replace(event, subject=survivors.get(event.subject or "", event.subject)) for event in mine]
    await lived(joined := await new_db(), clock, as_one)
    # The activity of an absorbed customer is counted under its own identifier, and added up when it is read.
    expected = {row[1]: row[2:6] for row in await states(joined) if row[2] is not None}
    for seed in range(2):
        arriving = [*mine, *merges]
        if seed:
            random.Random(seed).shuffle(arriving)
        await lived(db := await new_db(), clock, arriving)
        assert {row[1]: row[2:6] for row in await states(db) if row[2] is not None} == expected, seed
        assert await differences(db) == []


async def test_a_merge_announces_what_changes_of_the_survivor_and_nothing_of_the_absorbed_one(
    new_db: Any, events: Any, clock: FixedClock
) -> None:
    """The survivor becomes a returning customer by the order of the other; undone, it is what it was."""
    mine = [events.registered("c0", "2025-01-02T09:00"), events.completed("c1", "2025-01-03T09:00", 100, "o-1")]
    merged = events.make("c0", NOW, CustomerMerged(survivor="c0", absorbed="c1", sequence=1))
    undone = events.make("c0", NOW + timedelta(hours=1), CustomerUnmerged(survivor="c0", absorbed="c1", sequence=2))
    await lived(db := await new_db(), clock, mine)
    before = len(await announced(db))
    await lived(db, clock, [merged])
    facts = (await announced(db))[before:]
    assert {fact.subject for fact in facts} == {"c0"}
    assert [fact.data.new for fact in facts if isinstance(fact.data, StageChanged)] == ["returning"]
    await lived(db, clock, [undone])
    facts = (await announced(db))[before:]
    assert [fact.data.new for fact in facts if isinstance(fact.data, StageChanged)] == ["returning", "prospect"]
    assert {fact.subject for fact in facts} == {"c0"}
    assert await differences(db) == []


async def test_who_has_no_inputs_when_a_merge_is_undone_is_folded_as_anybody_is(
    db: Database, events: Any, clock: FixedClock
) -> None:
    """c0 is known by what c1 did alone: merged elsewhere, parted again, or evaluated by other thresholds."""
    mine = [events.completed("c1", f"2025-01-{day:02d}T09:00", 100, f"o-{day}") for day in (3, 9)]
    await lived(db, clock, mine)
    kinds = (CustomerMerged, CustomerUnmerged)
    for number, pair in enumerate(("c0<c1", "c0<c1", "c2<c0", "c2<c0")):
        survivor, absorbed = pair.split("<")
        data = kinds[number % 2](survivor=survivor, absorbed=absorbed, sequence=number + 1)
        await lived(db, clock, [events.make(survivor, NOW + timedelta(minutes=number), data)])
    async with db.transaction() as tx:
        await lock_shops(tx)
        await add_version(tx, "tea", 1, NOW - timedelta(days=5), Thresholds(rfm=RfmRules(recency_days=5)), late=True)
    await sweep_all(db, clock, NOW + timedelta(days=40))
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from set_aside") == 0
        assert await tx.value("select cast(state as text) from customers where customer = 'c0'") == "{}"
