"""The database itself keeps what must hold for ever: constraints, triggers, locks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncpg import PostgresError
from sqlalchemy.exc import DBAPIError

from common.fold.folding import Effect, Step
from common.storage.database import Database
from membership.ledger import store as ledgers
from membership.ledger.legs import BOOKS, Account, Posting, book_of, legs_of
from membership.programme import store as programmes
from membership.programme.programme import Programme

from ..conftest import ENTRY_COLUMNS, START, Shop, deliver

_WAITING = """
select count(*) from pg_locks where not granted and locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())
"""


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_entries set correction = true",
        "delete from ledger_entries",
        "truncate ledger_entries",
    ],
)
async def test_the_ledger_is_append_only(db: Database, shop: Shop, statement: str) -> None:
    await deliver(db, [shop.completed("c1", START, "o1", 60_000)])
    with pytest.raises(DBAPIError, match="append-only"):
        async with db.transaction() as tx:
            await tx.execute(statement)


async def test_one_cause_cannot_post_twice(db: Database, shop: Shop) -> None:
    """Whatever accounts and lots it would move the second time."""
    await deliver(db, [shop.completed("c1", START, "o1", 60_000)])
    async with db.transaction() as tx:
        (row,) = await tx.fetch(f"select {', '.join(ENTRY_COLUMNS)} from ledger_entries")
        accounts = [leg.account for leg in await tx.fetch("select account from ledger")]
    assert sorted(accounts) == ["available", "granted", "growth", "issued"]
    for legs in (row.legs, '[["debt","",1],["redeemed","",-1]]'):
        with pytest.raises(PostgresError, match="duplicate key"):
            async with db.transaction() as tx:
                await tx.copy("ledger_entries", ENTRY_COLUMNS, [(*tuple(row)[:-1], legs)])


async def test_changing_a_programme_waits_for_those_who_fold_by_it(db: Database) -> None:
    """No fold may be under way that has read the versions and not yet committed."""
    events: list[str] = []
    folding = asyncio.Event()

    async def fold() -> None:
        async with db.transaction() as tx:
            await programmes.get_rules(tx, ["tea"])
            folding.set()
            # The other one is waiting for our lock by then, or will find it taken.
            async with db.transaction() as other:
                while not await other.value(_WAITING):
                    await asyncio.sleep(0.01)
            events.append("folded")

    async def change() -> None:
        await folding.wait()
        async with db.transaction() as tx:
            await programmes.PROGRAMMES.lock(tx, "tea")
            events.append("changed")

    await asyncio.gather(fold(), change())
    assert events == ["folded", "changed"]


async def test_a_version_is_never_changed(db: Database) -> None:
    """MEM-023: history is kept."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    async with db.transaction() as tx:
        assert await programmes.PROGRAMMES.insert(tx, "tea", 1, start, Programme(grace_days=5))
        assert not await programmes.PROGRAMMES.insert(tx, "tea", 1, start, Programme(grace_days=6), late=True)
        rules = (await programmes.get_rules(tx, ["tea", "coffee"]))["tea"]
    assert rules.at(start).grace_days == 5
    assert rules.version_at(START).number == 0


async def test_the_ledger_is_read_page_by_page(db: Database, shop: Shop) -> None:
    """No page ends within the legs of one cause."""
    await deliver(db, [shop.completed("c1", START, f"o{i}", 10_000) for i in range(5)])
    seen: list[Any] = []
    async with db.transaction() as tx:
        while page := await ledgers.list_ledger(tx, ("tea", "c1"), seen[-1].entry if seen else 0, 3):
            assert len(page) in (2, 4)
            assert sum(row.amount for row in page) == 0
            seen.extend(page)
        latest = await ledgers.list_latest(tx, ("tea", "c1"), 3)
    assert (len(seen), len({row.entry for row in seen})) == (10, 5)
    assert list(latest) == seen[:-4:-1], "of the latest as many as were asked for, however long their cause is"


async def test_legs_are_read_back_as_they_were_posted(db: Database) -> None:
    """Lots and origins are named by shops: quotes, backslashes and any script. Amounts are whole, however large."""
    posted: dict[tuple[Account, str], int] = {
        ("available", 'o"1'): 2**62,
        ("pending", "o\\1"): -(2**62),
        ("growth", "review/\u8336\u00e9'"): 7,
        ("granted", ""): -7,
    }
    steps = [
        Step(("tea", "c1"), "expiry@now", False, START, [Effect(Posting(book, legs), START) for book, legs in books])
        for books in [[(book, legs_of({k: v for k, v in posted.items() if book_of(k[0]) == book})) for book in BOOKS]]
    ]
    async with db.transaction() as tx:
        await ledgers.insert_entries(tx, steps)
        rows = await tx.fetch("select account, earned_by, amount, book from ledger where customer = 'c1'")
        sums = (await ledgers.sums_of(tx, [("tea", "c1")]))["tea", "c1"]
        assert await ledgers.growth_of(tx, ("tea", "c1"), "review/\u8336\u00e9'") == 7
    assert {(row.account, row.earned_by): row.amount for row in rows} == posted == {**sums["points"], **sums["growth"]}
    assert all(row.book == book_of(row.account) for row in rows)
