"""Everybody who is one person, found by one statement (ORD-040)."""

from __future__ import annotations

import random

import pytest

from common.people.rules import survivor
from common.people.store import get_people
from common.storage.database import Database

NAMES = [f"c{n:02d}" for n in range(30)]


@pytest.mark.parametrize("seed", range(5))
async def test_people_are_those_whose_chains_end_with_the_same_survivor(db: Database, seed: int) -> None:
    """Chains, trees, circles (news in the wrong order), names that no row knows; another shop's people are others."""
    draw = random.Random(seed)
    into = {name: draw.choice([*NAMES, None, None, None]) for name in NAMES}
    into = {name: None if above == name else above for name, above in into.items()}
    async with db.transaction() as tx:
        for name, above in into.items():
            for shop, merged_into in (("tea", above), ("cups", None)):
                await tx.execute(
                    "insert into customers (shop, customer, merged_into) values (:shop, :name, :above)",
                    shop=shop,
                    name=name,
                    above=merged_into,
                )
    wanted = [("tea", name) for name in [*NAMES[:20], "nobody"]] + [("cups", NAMES[0])]
    async with db.transaction() as tx:
        found = await get_people(tx, wanted)
    of: dict[str, list[str]] = {}
    for name in NAMES:
        of.setdefault(survivor(into, name), []).append(name)
    assert found == {
        ("tea", name): [("tea", each) for each in [root, *sorted(set(of[root]) - {root})]]
        for name in NAMES[:20]
        for root in [survivor(into, name)]
    } | {("tea", "nobody"): [("tea", "nobody")], ("cups", NAMES[0]): [("cups", NAMES[0])]}
