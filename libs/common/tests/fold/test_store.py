"""Items are stored a page at a time; of a customer who was folded from the start those that differ alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from common.fold import store_items
from common.fold.items import Items
from common.storage.database import Database

from .test_fold import FOLDING, KEY

OTHER = ("shop", "c2")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_items, "ITEMS_PAGE", 2)


def made(**items: int) -> Items[int]:
    found: Items[int] = Items()
    for name, item in items.items():
        found.put(name, item)
    return found


async def save(db: Database, of: Mapping[tuple[str, str], Items[int]], anew: Collection[tuple[str, str]]) -> None:
    async with db.transaction() as tx:
        await tx.lock_customers(of)
        await store_items.save_items(tx, FOLDING, of, anew)


async def rows(db: Database) -> dict[tuple[str, str], tuple[str, str]]:
    """Each item's text and the transaction that wrote it, by customer and name."""
    async with db.transaction() as tx:
        found = await tx.fetch("select customer, name, body, cast(xmin as text) as written from items")
        return {(row.customer, row.name): (row.body, row.written) for row in found}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
async def test_of_a_fold_from_the_start_only_what_differs_is_written(db: Database, count: int) -> None:
    same = {f"same{n}": n for n in range(count)}
    gone = {f"gone{n}": n for n in range(count)}
    await save(db, {KEY: made(**same, **gone, other=1), OTHER: made(**gone)}, {KEY})
    before = await rows(db)
    await save(db, {KEY: made(**same, other=2, new=3)}, {KEY})
    after = await rows(db)
    mine = {name: body for (customer, name), (body, _) in after.items() if customer == KEY[1]}
    assert mine == {**{name: str(n) for name, n in same.items()}, "other": "2", "new": "3"}
    assert {name: after[KEY[1], name] for name in same} == {name: before[KEY[1], name] for name in same}
    assert {name: body for (customer, name), (body, _) in after.items() if customer == OTHER[1]} == {
        name: str(n) for name, n in gone.items()
    }


async def test_of_a_state_that_was_read_what_was_changed_is_written(db: Database) -> None:
    await save(db, {KEY: made(a=1, b=2, c=3)}, {KEY})
    before = await rows(db)
    items = Items[int](whole=False)
    items.load(["a", "b", "c"], {"a": 1, "b": 2, "c": 3})
    items.put("b", 20)
    items.remove("c")
    items.put("d", 4)
    await save(db, {KEY: items}, ())
    after = await rows(db)
    assert {name: body for (_, name), (body, _) in after.items()} == {"a": "1", "b": "20", "d": "4"}
    assert after[KEY[1], "a"] == before[KEY[1], "a"]
