"""Rows of a set-wise statement reach the database as they are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.storage.columns import Columns
from common.storage.database import Database

ROWS = Columns("r", shop="text", at="timestamptz", amount="bigint", key="bytea")
TEXTS = Columns("t", text="text")


async def test_rows_come_back_as_they_were_passed(db: Database) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    wanted = [("tea", at, 2**62, b"\0\xff"), ("茶", None, -1, None), ("", at, 0, b"")]
    async with db.transaction() as tx:
        found = await tx.fetch(
            f"select r.shop, r.at, r.amount, r.key from {ROWS} order by amount desc", **ROWS.of(wanted)
        )
    assert [tuple(row) for row in found] == sorted(wanted, key=lambda row: -row[2])


@pytest.mark.parametrize(
    "texts",
    [
        [""],
        [None],
        ["", ""],
        ["", None],
        ["a\x1fb", "c"],
        ["\x1e"],
        ["\x1e", None],
        ["\x1f"],
        ["a,b", "{}", "NULL", '"', "\\"],
    ],
)
async def test_every_text_comes_back_whatever_it_holds(db: Database, texts: list[str | None]) -> None:
    async with db.transaction() as tx:
        found = await tx.fetch(f"select t.text from {TEXTS}", **TEXTS.of((text,) for text in texts))
    assert [row.text for row in found] == texts


@given(st.lists(st.none() | st.text("ab\x1e\x1f", max_size=3), max_size=6))
def test_texts_are_joined_only_where_they_can_be_told_apart(texts: list[str | None]) -> None:
    """string_to_array without a server: what stands between, and the mark of null."""
    joined = TEXTS.of((text,) for text in texts)["t_text_joined"]
    if joined is not None:
        parts = joined.split("\x1f") if joined else []
        assert [None if part == "\x1e" else part for part in parts] == texts


async def test_no_rows_are_no_rows(db: Database) -> None:
    async with db.transaction() as tx:
        assert await tx.value(f"select count(*) from {ROWS}", **ROWS.of([])) == 0


def test_a_row_of_another_width_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        ROWS.of([("tea", None, 1)])
