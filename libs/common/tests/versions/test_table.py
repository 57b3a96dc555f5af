"""Versions are added once and announced once, and what was made without a late one is found again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from common.bus.inbox import claim
from common.events import decode
from common.events.segments import ThresholdsChanged
from common.storage.database import Database
from common.versions.table import Stored, VersionTable, tell

JULY = datetime(2025, 7, 1, tzinfo=UTC)


class Toy(BaseModel):
    days: int = 7


TOYS = VersionTable("toys", Toy, since="at", body="toy")


@pytest.fixture
async def toys(db: Database) -> Database:
    async with db.transaction() as tx:
        await tx.execute(
            "create table toys (shop text, version integer, at timestamptz, toy jsonb, refold_after text,"
            " primary key (shop, version))"
        )
        await tx.execute(
            "insert into customers (shop, customer, last_time, done_until) values"
            " ('s', 'a', '2025-07-01', null), ('s', 'b', '2025-06-30', '2025-07-01'), ('s', 'c', '2025-06-30', null),"
            " ('s', 'd', null, null), ('s', 'e', '2025-08-01', '2025-05-01'), ('other', 'f', '2025-08-01', null)"
        )
    return db


async def test_a_number_is_given_once_and_what_it_holds_is_never_changed(toys: Database) -> None:
    async with toys.transaction() as tx:
        assert await TOYS.next_number(tx, "s") == 1
        assert await TOYS.insert(tx, "s", 1, JULY, Toy(days=3))
        assert not await TOYS.insert(tx, "s", 1, JULY, Toy(days=4), late=True)
        assert await TOYS.insert(tx, "other", 1, JULY, Toy())
        assert await TOYS.insert(tx, "s", 2, JULY, Toy(days=5))
        assert await TOYS.next_number(tx, "s") == 3
        assert await TOYS.read(tx, ["s", "nobody"]) == {
            "s": [Stored(1, JULY, Toy(days=3)), Stored(2, JULY, Toy(days=5))],
            "nobody": [],
        }
        assert await TOYS.late_shops(tx) == [], "what was there already is not late"


async def test_one_of_two_who_save_the_same_next_version_is_refused(toys: Database) -> None:
    async def save(days: int) -> bool:
        async with toys.transaction() as tx:
            return await TOYS.insert(tx, "s", 1, JULY, Toy(days=days))

    assert sorted(await asyncio.gather(*(save(days) for days in range(5)))) == [False] * 4 + [True]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_of_any_size_find_whoever_was_folded_beyond_a_late_versions_start(
    toys: Database, limit: int
) -> None:
    async with toys.transaction() as tx:
        await TOYS.insert(tx, "s", 1, JULY, Toy())
        await TOYS.insert(tx, "s", 2, JULY, Toy(), late=True)
    found: list[str] = []
    while True:
        async with toys.transaction() as tx:
            late, keys = await TOYS.next_refolds(tx, limit)
            if late is None:
                break
            assert (late.shop, late.number, late.valid_from, await TOYS.late_shops(tx)) == ("s", 2, JULY, ["s"])
            async with toys.transaction() as another:
                assert await TOYS.next_late(another) is None, "one worker a version"
            found += [customer for _, customer in keys]
            await TOYS.save_progress(tx, late, keys, limit)
    assert found == ["a", "b", "e"]


async def test_a_version_that_was_announced_is_a_repetition_when_it_is_read_back(toys: Database) -> None:
    async with toys.transaction() as tx:
        await tell(tx, "s", "toys", ThresholdsChanged(version=3, valid_from=JULY, thresholds={"lapse_months": 1}))
        [row] = await tx.fetch("select aggregatetype, aggregateid, payload from outbox")
        event = decode(row.payload)
        assert await claim(tx, [(event, row.payload.encode())]) == []
    assert (row.aggregatetype, row.aggregateid, event.key) == ("segments", "s/toys", "s/toys")
    assert (event.id, event.source, event.subject) == ("toys-3", "/shops/s/toy", None)
    assert (event.time, event.data.version, event.data.valid_from) == (toys.clock.now(), 3, JULY)
