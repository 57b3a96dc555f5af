"""Verify and the metric see what is wrong, in pages of any size, and an upgrade makes all true again (V2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from asyncpg import PostgresError
from prometheus_client import REGISTRY
from sqlalchemy.exc import DBAPIError

from common.bus.inbox import key_of
from common.events.membership import MemberCheckedIn, PointsRedeemed, ProgrammeChanged
from common.events.orders import OrderClosed
from common.storage.database import Database
from common.time.clock import FixedClock
from membership.jobs.balancing import ROUND, Walk
from membership.jobs.sweeping import due
from membership.jobs.verifying import verify
from membership.ledger.legs import Account, Leg, checked_legs, dump_legs

from ..conftest import ENTRY_COLUMNS, START, Shop, deliver, sweep


async def forge(
    db: Database, customer: str, amount: int, cause: str = "nobody#1", account: Account = "available"
) -> None:
    legs = dump_legs([Leg(account, "forged", amount)])
    entry = ("tea", customer, key_of(("tea", "nobody", cause)), cause, False, START, legs)
    async with db.transaction() as tx:
        await tx.copy("ledger_entries", ENTRY_COLUMNS, [entry])


@pytest.mark.parametrize(("page", "share"), [(1, 100), (2, 100), (3, 100), (500, 100), (2, 4)])
async def test_a_page_of_any_size_finds_the_same_and_so_do_shares_apart(
    db: Database, shop: Shop, page: int, share: int
) -> None:
    """A share of four customers is given to a process of its own."""
    await deliver(db, shop.history(customers=6, seed=5))
    assert await verify(db, page, share) == []
    async with db.transaction() as tx:
        await tx.execute(
            "update customers set state = jsonb_set(cast(state as jsonb), '{points,issued}', to_jsonb(-1))"
            " where customer = 'c1'"
        )
        await tx.execute(
            "update customers set state = jsonb_set(cast(state as jsonb), '{growth,value}', cast('7' as jsonb))"
            " where customer = 'c5'"
        )
    await forge(db, "c2", 500)
    await forge(db, "c3", 5, account="growth")
    await forge(db, "c22", 1)
    await forge(db, "zoe", 2)
    assert {line.split(", c")[0] for line in await verify(db, page, share)} == {
        f"tea/c1: the stored state is not what its {await _inputs(db, 'c1')} inputs make",
        f"tea/c5: the stored state is not what its {await _inputs(db, 'c5')} inputs make",
        "tea/c2: the ledger's sums are not the balances: available forged 500 for 0",
        "tea/c3: the ledger's sums are not the balances: growth forged 5 for 0",
        "tea/c22: has ledger entries and is no customer",
        "tea/zoe: has ledger entries and is no customer",
        "tea/c2: the legs of nobody#1 come to 500, not to 0 (points)",
        "tea/c3: the legs of nobody#1 come to 5, not to 0 (growth)",
        "tea/c22: the legs of nobody#1 come to 1, not to 0 (points)",
        "tea/zoe: the legs of nobody#1 come to 2, not to 0 (points)",
    }


async def _inputs(db: Database, customer: str) -> int:
    async with db.transaction() as tx:
        return int(await tx.value("select count(*) from history where customer = :c", c=customer))


def _metric(book: str) -> Any:
    return REGISTRY.get_sample_value("ledger_imbalance_minor_units", {"currency": book})


async def _walk(db: Database, walk: Walk, limit: int = 2) -> None:
    async with db.transaction() as tx:
        assert await walk.batch(tx, tx.clock.now(), limit) == 0


async def test_the_metric_is_what_a_walk_round_the_ledgers_finds(db: Database, shop: Shop, clock: FixedClock) -> None:
    """What is out of balance is seen at once when the walk comes by, and stands until a whole round finds it mended."""
    await deliver(db, [shop.completed(f"c{i}", START, f"o{i}", 60_000) for i in range(3)])
    walk = Walk()
    for _ in range(2):
        await _walk(db, walk)
    assert (_metric("points"), _metric("growth")) == (0, 0)
    await forge(db, "c2", 500)
    await forge(db, "c2", -500, "nobody#2")
    await forge(db, "c0", 30, account="growth")
    await _walk(db, walk)
    assert (_metric("points"), _metric("growth")) == (0, 0), "a round begins at most every minute"
    clock.set(clock.now() + ROUND)
    await _walk(db, walk)
    assert (_metric("points"), _metric("growth")) == (0, 30)
    await _walk(db, walk)
    assert (_metric("points"), _metric("growth")) == (1_000, 30), "two mistakes do not make a right"
    async with db.transaction() as tx:
        # Mended as by a rebuild: these entries are in no other database.
        await tx.execute("alter table ledger_entries disable trigger user")
        await tx.execute("delete from ledger_entries where named like 'nobody#%' and legs like '%available%'")
        await tx.execute("alter table ledger_entries enable trigger user")
    clock.set(clock.now() + ROUND)
    await _walk(db, walk)
    assert _metric("points") == 1_000, "known until the round is done"
    await _walk(db, walk)
    assert (_metric("points"), _metric("growth")) == (0, 30)


async def test_who_was_folded_by_other_rules_is_folded_anew(db: Database, shop: Shop, clock: FixedClock) -> None:
    """States and ledgers of before are folded anew by the sweep, and only then looked at by verify."""
    await deliver(db, shop.history(customers=9, seed=6))
    async with db.transaction() as tx:
        expected = await tx.fetch("select customer, growth from customers order by 1")
        # As a database looks whose release did not count growth yet.
        await tx.execute("alter table ledger_entries disable trigger user")
        await tx.execute(
            """
            update ledger_entries e set legs = l.legs from (
                select entry, cast(json_agg(json_build_array(account, earned_by, amount)) as text) as legs
                from ledger_legs where book = 'points' group by entry
            ) l where l.entry = e.entry
            """
        )
        await tx.execute("delete from ledger_entries e where legs like '%growth%'")
        await tx.execute("alter table ledger_entries enable trigger user")
        await tx.execute(
            """
            update ledger_tallies t set entries = f.entries, checksum = f.checksum
            from (
                select shop, customer, count(*) as entries, sum(entry_hash(e)) as checksum
                from ledger_entries e group by shop, customer
            ) f
            where t.shop = f.shop and t.customer = f.customer
            """
        )
        await tx.execute("update customers set state = cast(state as jsonb) - 'growth'")
        await tx.execute("insert into refolds (shop, cause, at) values ('tea', 'growth@rules', now())")
        assert await due(tx, clock.now()) == 1
        assert await tx.value("select sum(growth) from customers") == 0
    assert await verify(db) == [], "who waits to be folded anew is no difference"
    await sweep(db, limit=4)
    async with db.transaction() as tx:
        assert await tx.fetch("select customer, growth from customers order by 1") == expected
        assert (await due(tx, clock.now()), await tx.value("select count(*) from refolds")) == (0, 0)
        corrected = await tx.value(
            "select count(*) from outbox where type = 'balances.changed' and payload like '%correction%'"
        )
    assert corrected > 0
    assert await verify(db) == []
    await deliver(db, [shop.completed("c1", START + timedelta(days=799), "next", 10_000)])
    assert await verify(db) == []


@pytest.mark.parametrize("legs", ["x", "{}", "600", '{"available": 600}'])
async def test_legs_that_are_no_array_are_never_kept(db: Database, legs: str) -> None:
    entry = ("tea", "c1", key_of(("tea", "nobody", "x#1")), "x#1", False, START, legs)
    with pytest.raises((DBAPIError, PostgresError)):
        async with db.transaction() as tx:
            await tx.copy("ledger_entries", ENTRY_COLUMNS, [entry])


@pytest.mark.parametrize(
    "legs",
    [
        "[1]",
        "[[]]",
        '[["available","o1"]]',
        '[["available",1,600]]',
        '[["available","o1",1.5],["issued","",-1.5]]',
        '[["available","o1","600"],["issued","",-600]]',
        '[["available","o1",9999999999999999999]]',
        '[[null,null,600],["issued","",-600]]',
        '[["available","o1",9100000000000000000],["issued","",-9100000000000000000]]',
        '[["cash","o1",600],["issued","",-600]]',
        '[["available",1,600],["issued","",-600]]',
        '[["available","o1",600,0],["issued","",-600]]',
        '[{"available": 600}]',
        r'[["available","\u0000",600],["issued","",-600]]',
        r'[["available","\ud800",600],["issued","",-600]]',
    ],
)
async def test_damaged_legs_are_named_and_hide_nobody_else(
    db: Database, shop: Shop, clock: FixedClock, legs: str
) -> None:
    await deliver(db, [shop.completed(f"c{n}", START, f"o{n}", 60_000) for n in (1, 2)])
    async with db.transaction() as tx:
        await tx.execute("alter table ledger_entries disable trigger user")
        assert await tx.execute("update ledger_entries set legs = :legs where customer = 'c1'", legs=legs) == 1
    await forge(db, "c2", 500)
    found = await verify(db)
    assert any(line.startswith("tea/c1: the legs of ") and line.endswith(" cannot be read") for line in found)
    assert "tea/c2: the legs of nobody#1 come to 500, not to 0 (points)" in found
    walk = Walk()
    clock.set(clock.now() + ROUND)
    for _ in range(3):
        await _walk(db, walk, 1)
    assert walk.imbalance["points"] > 500, "both are seen"


async def test_legs_are_read_as_they_are_written(db: Database) -> None:
    name, most = 'o"\\/\b\f\n\r\t\x01\x1f\x7fé茶🍵\\u0000', 9 * 10**18 - 1
    written = [(account, name, amount) for account in get_args(Account) for amount in (most, -most)]
    legs = dump_legs([Leg(*leg) for leg in written])
    async with db.transaction() as tx:
        entry = ("tea", "c1", key_of(("tea", "nobody", "x#1")), "x#1", False, START, legs)
        await tx.copy("ledger_entries", ENTRY_COLUMNS, [entry])
        read = await tx.fetch("select account, earned_by, amount from ledger_legs order by number")
    assert [tuple(row) for row in read] == written
    assert [tuple(leg) for leg in checked_legs(legs) or ()] == written


COMPLETED = """(select id from history where customer = 'c1' and type = 'order.completed' order by at limit 1)"""
PLANTED = {
    "a ledger entry is deleted": "delete from ledger_entries where entry = (select min(entry) from ledger_entries)",
    "entries that cancel out are deleted": "delete from ledger_entries where customer = 'c9'",
    "a leg has another amount": "update ledger_entries set legs = replace(legs, '600', '601') where entry = 1",
    "a ledger entry has another cause": "update ledger_entries set cause = gen_random_uuid() where named = ''",
    "a ledger entry's cause is renamed": "update ledger_entries set named = 'else' where named = ''",
    "a leg stands on another account": "update ledger_entries set legs = replace(legs, '\"growth\"', '\"debt\"')"
    " where entry = (select max(entry) from ledger_legs where account = 'growth')",
    "entries change places": "update ledger_entries e set legs = o.legs from ledger_entries o"
    " where o.customer = e.customer and o.entry <> e.entry",
    "what was announced is deleted": "delete from announced where customer = 'c1'",
    "what was announced is changed": "update announced set said = said || '{\"tier\": \"vip\"}' where customer = 'c1'",
    "another balance was announced": "update announced set said = said || '{\"available\": 7}' where customer = 'c1'",
    "a redemption is deleted": "delete from redemptions",
    "a redemption has other points": "update redemptions set points = points + 1",
    "a redemption stands elsewhere": "update redemptions set status = 'committed'",
    "a redemption is added": "insert into redemptions (shop, customer, redemption_id, points, worth, currency, at)"
    " values ('tea', 'c1', 'planted', 1, 1, 'CNY', now())",
    "a member's row is deleted": "delete from customers where customer = 'c1'",
    "a member's row and ledger are deleted": "delete from customers where customer = 'c0'",
    "a member's state is changed":
    "update customers set state = jsonb_set(cast(state as jsonb), '{growth,value}', '7') where customer = 'c1'",
    "a member's tier is changed":
    "update customers set state = jsonb_set(cast(state as jsonb), '{tiers,standing,tier}', '\"supreme\"')"
    " where customer = 'c1'",
    "a member is due at another time": "update customers set due_at = due_at + interval '1 day' where customer = 'c1'",
    "a member is due no more": "update customers set due_at = null where customer = 'c1'",
    "a member's revision is changed": "update customers set revision = revision + 1 where customer = 'c1'",
    "a member's last input is another": "update customers set last_id = 'x' where customer = 'c1'",
    "an order is deleted": f"delete from history where id = {COMPLETED}",
    "an order's amount is changed":
    f"update history set fields = replace(fields, '60000', '60100') where id = {COMPLETED}",
    "a version of the programme is deleted": "delete from programmes where version = 1",
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
async def test_verify_notices_whatever_is_planted(db: Database, shop: Shop, planted: str) -> None:
    """Everything that membership keeps of a customer is compared, not states and sums alone."""
    spent = PointsRedeemed(redemption_id="r1", points=100, order_total=20_000, worth=100, currency="CNY")
    cancelled = OrderClosed(order_id="o9", state="closed", currency="CNY", goods_paid=10_000)
    later = timedelta(days=700)
    await deliver(
        db,
        [
            *(shop.event(None, START, ProgrammeChanged(version=n, valid_from=START, programme={})) for n in (1, 2)),
            shop.completed("c1", START + later, "o1", 60_000),
            shop.event("c1", START + later + timedelta(days=1), spent),
            shop.paid("c9", START + later, "o9", 10_000),
            shop.event("c9", START + later + timedelta(days=1), cancelled),
            shop.event("c0", START, MemberCheckedIn()),
        ],
    )
    await sweep(db)
    assert await verify(db) == []
    async with db.transaction() as tx:
        await tx.execute("alter table ledger_entries disable trigger user")
        # Of a text of ours; `:` would be read as a parameter.
        assert await tx.execute(planted.replace(":", "\\:")) > 0
    assert await verify(db) != []
