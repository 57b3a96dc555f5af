"""Every event counts exactly once, whatever is repeated, late or cut into batches, on a real PostgreSQL."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.customers import CustomerErased
from common.events.membership import PointsRedeemed, ProgrammeChanged, RedemptionReturned
from common.events.orders import OrderCompleted
from common.fold import long, working
from common.storage.database import Database
from common.time.clock import FixedClock
from membership.jobs.verifying import verify
from membership.programme.programme import Programme, Tier
from regulars.circles import nothing_in_circles

from .conftest import START, MakeDatabase, Shop, deliver, sweep, tables


async def _tables(db: Database) -> dict[str, list[Any]]:
    async with db.transaction() as tx:
        return await tables(tx)


async def _verified(db: Database) -> list[str]:
    return await verify(db, page=7)


async def test_batch_sizes_1_2_and_500_leave_the_same_members(new_db: MakeDatabase, shop: Shop) -> None:
    """States, lots, tiers and due times; corrections of late inputs are cut as the batches are, and sum up the same."""
    history = shop.history(customers=25, seed=1)
    found = []
    for size in (1, 2, 500):
        db = await new_db()
        await deliver(db, history, size)
        await sweep(db, limit=7)
        tables = await _tables(db)
        found.append([(row[0], row[1], row[2], row[6]) for row in tables["customers"]])
        assert await _verified(db) == []
        assert any(row[6] for row in tables["ledger"]) == (size < len(history)), "what came late was corrected"
    assert found[0] == found[1] == found[2]


async def test_any_arrival_leaves_the_same_members(new_db: MakeDatabase, shop: Shop) -> None:
    """L1 on the database: states, lots, tiers, due times; the ledger differs in its story, not in its sums."""
    history = shop.history(customers=12, seed=2)
    states = []
    for seed in (None, 1, 2):
        arrival = list(history)
        if seed is None:
            arrival.sort(key=lambda e: e.order_key)
        else:
            random.Random(seed).shuffle(arrival)
        db = await new_db()
        await deliver(db, arrival, 17)
        await sweep(db)
        states.append([(row[0], row[1], row[2], row[6]) for row in (await _tables(db))["customers"]])
        assert await _verified(db) == []
    assert states[0] == states[1] == states[2]


async def test_a_long_history_ends_as_a_short_one(
    new_db: MakeDatabase, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L1 where late inputs and refunds are postponed, and every member is folded anew in turns of a few inputs."""
    history = shop.history(customers=12, seed=2)
    states, late = [], 0
    for many, turn_s in ((2_000, 1.0), (3, 0.0)):
        monkeypatch.setattr(working, "MANY_INPUTS", many)
        monkeypatch.setattr(long, "TURN_S", turn_s)
        monkeypatch.setattr(long, "PAGE", 5)
        arrival = list(history)
        random.Random(1).shuffle(arrival)
        db = await new_db()
        for start in range(0, len(arrival), 40):
            await deliver(db, arrival[start : start + 40], 8)
            async with db.transaction() as tx:
                late += await tx.value("select count(*) from history where postponed")
            assert await _verified(db) == [], "who waits to be folded anew is no difference"
            await sweep(db)
        await sweep(db)
        assert await _verified(db) == []
        async with db.transaction() as tx:
            assert await tx.value("select count(*) from long_histories") == 0
            assert await tx.value("select count(*) from history where postponed") == 0
        states.append([(row[0], row[1], row[2], row[6]) for row in (await _tables(db))["customers"]])
    assert states[0] == states[1]
    assert late > 40


async def test_a_newer_version_in_another_currency_takes_back_what_the_order_earned(db: Database, shop: Shop) -> None:
    """MEM-029: same amount, other currency: the order goes on counting as one, and its amount for nothing."""
    versions = [
        OrderCompleted(order_id="o1", state="completed", currency=currency, goods_paid=60_000, revision=revision)
        for revision, currency in enumerate(("CNY", "USD"), 1)
    ]
    for days, version in enumerate(versions):
        await deliver(db, [shop.event("c1", START + timedelta(days=days), version)])
        assert await _verified(db) == []
    async with db.transaction() as tx:
        row = await tx.fetch_one("select tier, available, growth from customers")
    assert row is not None
    assert tuple(row) == ("regular", 0, 0)


async def test_ten_deliveries_count_once(db: Database, shop: Shop) -> None:
    history = shop.history(customers=6, seed=3)
    await deliver(db, history, 50)
    once = await _tables(db)
    for size in (1, 2, 3, 10, 50, 100, 200, 300, 500):
        assert await deliver(db, history, size) == 0
    assert await _tables(db) == once


async def test_facts_carry_a_rising_revision_and_name_their_cause(db: Database, shop: Shop) -> None:
    """MEM-022: each fact says what it is, from which tier to which, and by which rule."""
    order = shop.completed("c1", START, "o1", 60_000)
    await deliver(db, [order])
    async with db.transaction() as tx:
        payloads = [decode(row.payload) for row in await tx.fetch("select payload from outbox order by seq")]
    assert [e.type for e in payloads] == ["member.enrolled", "tier.changed", "balances.changed"]
    assert [e.data.revision for e in payloads] == [1, 2, 3]
    assert {(e.causationid, e.source) for e in payloads} == {(order.id, "/shops/tea/membership")}
    assert (payloads[1].data.old, payloads[1].data.new, payloads[1].data.rule) == ("Regular", "Senior", "spend")
    assert (payloads[2].data.available, payloads[2].data.reason) == (600, "completed")


async def test_time_passing_downgrades_and_expires_in_the_sweep(db: Database, shop: Shop, clock: FixedClock) -> None:
    """MEM-022: each change is announced with its reason, those that time makes too."""
    clock.set(START + timedelta(days=1))
    await deliver(db, [shop.completed("c1", START, "o1", 200_000)])
    assert await sweep(db) == 0
    clock.set(START + timedelta(days=3 * 366))
    await sweep(db)
    async with db.transaction() as tx:
        row = await tx.fetch_one("select tier, available, due_at, enrolled_at is not null as member from customers")
        reasons = [
            decode(r.payload).data.reason
            for r in await tx.fetch("select payload from outbox where type = 'tier.changed' order by seq")
        ]
    assert row is not None
    assert (row.tier, row.available, row.due_at, row.member) == ("regular", 0, None, True)
    assert reasons == ["upgrade", "grace", "downgrade", "grace", "downgrade"]
    assert await _verified(db) == []


async def test_an_order_without_a_customer_makes_no_member(db: Database, shop: Shop) -> None:
    await deliver(db, [shop.completed(None, START, "o1", 60_000)])
    assert await _tables(db) == {"customers": [], "ledger": [], "outbox": [], "redemptions": []}


async def test_commands_read_back_rebuild_redemptions_once(db: Database, shop: Shop) -> None:
    spent = PointsRedeemed(redemption_id="r1", points=100, order_id="o2", worth=100, currency="CNY")
    commands = [
        shop.event("c1", START + timedelta(days=2), RedemptionReturned(redemption_id="r1")),
        shop.event("c1", START + timedelta(days=1), spent),
        shop.completed("c1", START, "o1", 60_000),
    ]
    await deliver(db, commands, 1)
    await deliver(db, commands, 2)
    found = await _tables(db)
    assert [row[2:4] for row in found["redemptions"]] == [("r1", 100)]
    assert await _verified(db) == []
    async with db.transaction() as tx:
        assert await tx.value("select available from customers") == 600


async def test_a_programme_that_a_rebuild_meets_late_folds_its_members_anew(new_db: MakeDatabase, shop: Shop) -> None:
    """Rebuild: orders may be read before the programme's versions (architecture section 2, point 4)."""
    programme = Programme(tiers=(Tier(name="Guest"), Tier(name="Friend", orders=1, price=9_000, factor=30_000)))
    changed = shop.event(
        None,
        START,
        ProgrammeChanged(
            version=1, valid_from=START + timedelta(days=200), programme=programme.model_dump(mode="json")
        ),
    )
    history = shop.history(customers=9, seed=4)
    first, last = await new_db(), await new_db()
    await deliver(first, [changed, *history])
    await deliver(last, [*history, changed])
    for db in (first, last):
        await sweep(db, limit=2)
        assert await _verified(db) == []
    a, b = await _tables(first), await _tables(last)
    assert [(r[1], r[2], r[6]) for r in a["customers"]] == [(r[1], r[2], r[6]) for r in b["customers"]]


async def test_what_an_erased_customer_said_of_their_satisfaction_is_gone(db: Database, shop: Shop) -> None:
    """SEC-006: the marks, and what they come to; another's stay."""
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into satisfaction_marks (shop, customer, source, name, standing, score, at)
            select :shop, customer, source, 'n', 1, 9, :at
            from unnest(array['ann', 'bob']) customer, unnest(array['review', 'recommendation', 'content']) source
            """,
            shop=shop.name,
            at=START,
        )
        await tx.execute(
            "insert into satisfaction (shop, customer, good, bad, moved_at) "
            "select shop, customer, 3, 0, :at from satisfaction_marks group by 1, 2",
            at=START,
        )
    await deliver(db, [shop.event("ann", START, CustomerErased())])
    async with db.transaction() as tx:
        for table, kept in (("satisfaction_marks", 3), ("satisfaction", 1)):
            found = [tuple(row) for row in await tx.fetch(f"select customer, count(*) from {table} group by 1")]
            assert found == [("bob", kept)], table


async def test_members_who_are_folded_are_freed_at_once(db: Database, shop: Shop) -> None:
    """O4: in order, late, by the sweep. A state that referred to itself would wait for the collector until the end."""
    history = shop.history(customers=25, seed=3)
    with nothing_in_circles():
        await deliver(db, sorted(history, key=lambda e: e.order_key), 50)
        await deliver(db, shop.history(customers=25, seed=4), 50)
        await sweep(db, limit=7)
