"""What was announced last of a member is the same row, whichever facts and merges have said it (R5a)."""

from __future__ import annotations

from typing import Any

import orjson

from common.storage.database import Database
from membership.announcements.store import list_announced, save_announced
from membership.histories.ranges import BEGINNING

ANN = ("tea", "ann")


async def said(db: Database) -> list[tuple[int, dict[str, Any]]]:
    async with db.transaction() as tx:
        return [(row.revision, orjson.loads(row.said)) for row in await list_announced(tx, BEGINNING, None)]


async def test_what_is_unsaid_again_leaves_the_row_and_what_a_fact_does_not_name_stays(db: Database) -> None:
    async with db.transaction() as tx:
        await save_announced(tx, [(ANN, 1, {"tier": "vip", "in_grace": True, "uses": 0})])
    assert await said(db) == [(1, {"tier": "vip", "in_grace": True})]
    async with db.transaction() as tx:
        await save_announced(tx, [(ANN, 2, {"in_grace": False, "missing": [0, None]}), (ANN, 3, {"uses": 0})])
    assert await said(db) == [(3, {"tier": "vip", "missing": [0, None]})]
