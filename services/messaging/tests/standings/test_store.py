"""Of each subject the two newest revisions are kept, in whatever batches and order they come."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import CustomerKey
from messaging.standings.rules import NOTHING, Standing
from messaging.standings.store import get_standings, save_standings

from ..conftest import TUESDAY_TEN

REVISIONS = {number: (TUESDAY_TEN + timedelta(hours=number), f"value {number}") for number in range(1, 7)}


@pytest.mark.parametrize("seed", range(5))
async def test_the_two_newest_stand_in_any_order_and_batches(messaging: Any, seed: int) -> None:
    """40 customers, each told the same six revisions, some twice, shuffled and cut into batches."""
    rng = random.Random(seed)
    told: list[tuple[CustomerKey, Any, Standing]] = []
    for customer in (f"c{n}" for n in range(40)):
        for number in [*REVISIONS, *rng.choices(list(REVISIONS), k=3)]:
            at, value = REVISIONS[number]
            told.append((("s", customer), at, Standing("tier", number, value)))
    rng.shuffle(told)
    async with messaging.database.transaction() as tx:
        while told:
            size = rng.randrange(1, 60)
            await save_standings(tx, told[:size])
            del told[:size]
        rows = await tx.fetch(
            "select distinct subject, revision, at, value, before_revision, before_value from standings"
        )
        assert [tuple(row) for row in rows] == [("tier", 6, REVISIONS[6][0], "value 6", 5, "value 5")]
        keys = [("s", "c0"), ("s", "c1"), ("s", "c2")]
        instants = [REVISIONS[6][0], REVISIONS[5][0], REVISIONS[4][0]]
        found = await get_standings(tx, dict(zip(keys, instants, strict=True)))
    assert [found[key] for key in keys] == [{"tier": "value 6"}, {"tier": "value 5"}, {}]


async def test_what_is_not_so_any_more_was_so_before(messaging: Any) -> None:
    key, at = ("s", "ann"), TUESDAY_TEN
    async with messaging.database.transaction() as tx:
        await save_standings(tx, [(key, at, Standing("segment.spring", 1, "in"))])
        await save_standings(tx, [(key, at + timedelta(days=1), Standing("segment.spring", 2, NOTHING))])
        assert (await get_standings(tx, {key: at}))[key] == {"segment.spring": "in"}
        assert (await get_standings(tx, {key: at + timedelta(days=2)}))[key] == {}


async def test_what_each_order_changes_has_no_entry_in_the_index_of_audiences(messaging: Any) -> None:
    """The index, which a shop of a million customers asks for its groups, does not grow with every order."""
    sizes = []
    for revision in range(1, 5):
        subjects = ("orders", "points", "tier") if revision == 1 else ("orders", "points")
        async with messaging.database.transaction() as tx:
            await save_standings(
                tx,
                [
                    (("s", f"c{n}"), TUESDAY_TEN, Standing(subject, revision, f"{revision * 1000 + n}"))
                    for n in range(500)
                    for subject in subjects
                ],
            )
            sizes.append(await tx.value("select pg_relation_size('standings_audience')"))
    assert sizes == sizes[:1] * 4
    async with messaging.database.transaction() as tx:
        await tx.execute("set local enable_seqscan = off")  # of so few rows a scan may be cheaper
        await tx.execute("analyze standings")
        planned = await tx.fetch(
            "explain select count(*) from standings where shop = 's' and subject = 'tier' and value = any('{1}')"
            " and subject not in ('orders', 'points')"
        )
    assert any("standings_audience" in row[0] for row in planned)
