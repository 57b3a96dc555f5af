"""Merges of members: both are one, whatever arrives in which order, and an undone merge never was (ORD-040)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.events.membership import PointsRedeemed
from common.fold import merging
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from membership.jobs.verifying import verify

from .conftest import MakeDatabase, Shop, deliver, sweep


def said(
    shop: Shop, at: datetime, kind: type[CustomerMerged | CustomerUnmerged], pair: str, sequence: int
) -> Event[Any]:
    """`pair`: "a<b" says that a absorbs b."""
    survivor, absorbed = pair.split("<")
    data = kind(survivor=survivor, absorbed=absorbed, sequence=sequence)
    return shop.event(survivor, at, data)


PLANS: dict[str, tuple[tuple[tuple[type[Any], str, int], ...], dict[str, str]]] = {
    "a merge": (((CustomerMerged, "c0<c1", 1),), {"c1": "c0"}),
    "a chain": (((CustomerMerged, "c0<c1", 1), (CustomerMerged, "c2<c0", 1)), {"c1": "c2", "c0": "c2"}),
    "two into one": (((CustomerMerged, "c0<c1", 1), (CustomerMerged, "c0<c2", 1)), {"c1": "c0", "c2": "c0"}),
    "undone": (((CustomerMerged, "c0<c1", 1), (CustomerUnmerged, "c0<c1", 2)), {}),
    "undone within a chain": (
        ((CustomerMerged, "c0<c1", 1), (CustomerMerged, "c2<c0", 1), (CustomerUnmerged, "c0<c1", 2)),
        {"c0": "c2"},
    ),
    "a chain undone at its end": (
        ((CustomerMerged, "c0<c1", 1), (CustomerMerged, "c2<c0", 1), (CustomerUnmerged, "c2<c0", 2)),
        {"c1": "c0"},
    ),
    "the other way round": (
        ((CustomerMerged, "c0<c1", 1), (CustomerUnmerged, "c0<c1", 2), (CustomerMerged, "c1<c0", 1)),
        {"c0": "c1"},
    ),
    "merged, undone and merged elsewhere": (
        ((CustomerMerged, "c0<c1", 1), (CustomerUnmerged, "c0<c1", 2), (CustomerMerged, "c2<c1", 3)),
        {"c1": "c2"},
    ),
}
"""What is said, and who stands for whom in the end."""


async def known(tx: Transaction) -> dict[str, list[tuple[Any, ...]]]:
    """What is so of the members, whatever way led there."""
    wanted = {
        "rows": "select customer, last_time, last_id, due_at, inputs from customers where state is not null order by 1",
        "states": "select customer, e.key, cast(e.value as text)"
        " from customers, jsonb_each(cast(state as jsonb)) e order by 1, 2",
        "items": "select customer, name, body from items order by 1, 2",
        "balances": "select customer, account, earned_by, sum(amount) from ledger "
        "group by 1, 2, 3 having sum(amount) <> 0 order by 1, 2, 3",
        "redemptions": "select customer, redemption_id, points, status, returned from redemptions order by 1, 2",
    }
    return {name: [tuple(row) for row in await tx.fetch(sql)] for name, sql in wanted.items()}


def inputs(shop: Shop, seed: int) -> list[Event[Any]]:
    """Two years of four customers, one of whom redeems points."""
    events = [event for event in shop.history(4, seed) if event.subject is not None]
    latest = max(event.time for event in events)
    for number, name in enumerate(("c0", "c1")):
        data = PointsRedeemed(redemption_id=f"r{number}", points=50, worth=50, currency="CNY")
        events.append(shop.event(name, latest + timedelta(hours=number + 1), data))
    return events


async def settled(db: Database, events: Sequence[Event[Any]]) -> Any:
    await deliver(db, events, 7)
    await sweep(db)
    assert await verify(db) == []
    async with db.transaction() as tx:
        return await known(tx)


async def test_what_fell_due_before_a_merge_is_not_done_again_when_it_is_undone(
    new_db: MakeDatabase, shop: Shop
) -> None:
    """ORD-040: points that expired, tiers that were reviewed before the merge, and while it stood, are so afterwards:
    nobody is set aside, and no fact goes out a second time with another content."""
    events = inputs(shop, seed=7)
    at = max(event.time for event in events) + timedelta(days=1)
    expected = await settled(await new_db(), events)
    db = await new_db()
    await settled(db, events)
    kinds = (CustomerMerged, CustomerUnmerged)
    for number, pair in enumerate(("c0<c1", "c0<c1", "c2<c1", "c2<c1")):
        step = said(shop, at + timedelta(minutes=number), kinds[number % 2], pair, number + 1)
        found = await settled(db, [step])
    for name, rows in expected.items():
        assert set(found[name]) ^ set(rows) == set(), name
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from set_aside") == 0
        twice = await tx.fetch("select type, count(*) from outbox group by id, type having count(*) > 1")
    assert [tuple(row) for row in twice] == []


async def test_what_a_refund_undid_while_merged_is_not_done_again_under_the_same_cause(
    db: Database, shop: Shop, clock: FixedClock
) -> None:
    """c2's lot expired before the merge, and its order was given back during it: nothing falls due then any more.

    A late order of the same month, after the unmerge, makes something fall due at that instant again.
    """
    first, merged = datetime(2024, 1, 10, 4, tzinfo=UTC), datetime(2025, 2, 3, 4, tzinfo=UTC)
    clock.set(merged)
    theirs = [
        shop.completed("c1", first + timedelta(days=300), "x1", 10_000),
        shop.completed("c2", first, "o1", 60_000),
    ]
    await deliver(db, theirs)
    await sweep(db)
    for event in (
        said(shop, merged, CustomerMerged, "c1<c2", 1),
        shop.refunded("c2", first + timedelta(days=1), "o1", 60_000),
        said(shop, merged + timedelta(minutes=1), CustomerUnmerged, "c1<c2", 2),
        shop.completed("c2", first + timedelta(days=2), "o2", 30_000),
    ):
        await deliver(db, [event])
    await sweep(db)
    await deliver(db, [shop.completed("c2", merged, "o3", 30_000)])
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from set_aside") == 0
    assert await verify(db) == []


async def test_who_has_nothing_of_their_own_has_nothing_when_a_merge_is_undone(db: Database, shop: Shop) -> None:
    """c0 is known by what c1 told alone: afterwards its state is the empty one, whatever it is merged with later."""
    at = datetime(2025, 2, 3, 4, tzinfo=UTC)
    await settled(db, [shop.completed("c1", at - timedelta(days=9), "o1", 60_000)])
    kinds = (CustomerMerged, CustomerUnmerged)
    for number, pair in enumerate(("c0<c1", "c0<c1", "c2<c0", "c2<c0", "c0<c1", "c0<c1")):
        await settled(db, [said(shop, at + timedelta(minutes=number), kinds[number % 2], pair, number + 1)])
    refolded = {"cause": "all@rules", "at": at + timedelta(hours=1)}
    async with db.transaction() as tx:
        await tx.execute("insert into refolds (shop, cause, at) values ('tea', :cause, :at)", **refolded)
    await settled(db, [])
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from set_aside") == 0
        assert await tx.value("select cast(state as text) from customers where customer = 'c0'") == "{}"


async def test_what_another_did_later_makes_nothing_late_when_a_merge_is_undone_of_a_long_history(
    db: Database, shop: Shop, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """c0's next order comes behind all of theirs, and before the last of c1's: it is told as it would have been."""
    monkeypatch.setattr(merging, "MANY_INPUTS", 2)
    first = datetime(2025, 1, 10, 4, tzinfo=UTC)
    clock.set(at := first + timedelta(days=30))
    await settled(db, [shop.completed("c0", first + timedelta(days=n), f"o{n}", 10_000) for n in range(4)])
    await settled(db, [shop.completed("c1", at, "x1", 10_000)])
    kinds = (CustomerMerged, CustomerUnmerged)
    for number in range(2):
        await settled(db, [said(shop, at + timedelta(minutes=number), kinds[number], "c0<c1", number + 1)])
    corrections = "select count(*) from outbox where aggregateid = 'tea/c0' and payload like '%correction%'"
    async with db.transaction() as tx:
        before = await tx.value(corrections)
    await settled(db, [shop.completed("c0", first + timedelta(days=9), "o9", 10_000)])
    async with db.transaction() as tx:
        assert before > 0
        assert await tx.value(corrections) == before


@pytest.mark.parametrize("plan", PLANS)
async def test_whatever_was_merged_members_are_those_of_the_joined_histories(
    new_db: MakeDatabase, shop: Shop, plan: str
) -> None:
    """Inputs and merges in any order of arrival, against the same inputs under the survivors' names from the start."""
    told, survivors = PLANS[plan]
    events = inputs(shop, seed=len(plan))
    at = max(event.time for event in events) + timedelta(days=1)
    merges = [said(shop, at + timedelta(minutes=n), *one) for n, one in enumerate(told)]
    as_one = [replace(event, subject=survivors.get(event.subject or "", event.subject), raw=None) for event in events]
    expected = await settled(await new_db(), as_one)
    for seed in range(3):
        arriving = [*events, *merges]
        if seed:
            random.Random(seed).shuffle(arriving)
        found = await settled(await new_db(), arriving)
        for name, rows in expected.items():
            assert set(found[name]) ^ set(rows) == set(), (name, seed)
