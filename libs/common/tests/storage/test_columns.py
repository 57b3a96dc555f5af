"""Rows of a set-wise statement reach the database as they are."""

from datetime import UTC, datetime

import pytest

from common.storage.columns import Columns
from common.storage.database import Database

ROWS = Columns("r", shop="text", at="timestamptz", amount="bigint", key="bytea")


async def test_rows_come_back_as_they_were_passed(db: Database) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    wanted = [("tea", at, 2**62, b"\0\xff"), ("茶", None, -1, None), ("", at, 0, b"")]
    async with db.transaction() as tx:
        found = await tx.fetch(
            f"select r.shop, r.at, r.amount, r.key from {ROWS} order by amount desc", **ROWS.of(wanted)
        )
    assert [tuple(row) for row in found] == sorted(wanted, key=lambda row: -row[2])


async def test_no_rows_are_no_rows(db: Database) -> None:
    async with db.transaction() as tx:
        assert await tx.value(f"select count(*) from {ROWS}", **ROWS.of([])) == 0


def test_a_row_of_another_width_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        ROWS.of([("tea", None, 1)])
