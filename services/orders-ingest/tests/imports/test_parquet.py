"""Parquet files in the generic layout: an order a row with its lines in it, or a line of an order a row (ORD-005)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

from orders_ingest.imports.layouts.layout import Findings, History, Row
from orders_ingest.imports.layouts.orders.reading import read_orders
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import UnreadableFile, lines_of
from orders_ingest.imports.parquet import _json

PLACED = datetime(2026, 1, 2, 9, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two orders in three rows, a batch of 1 row each."""
    path = tmp_path / "orders.parquet"
    placed = Array([int(PLACED.timestamp()) * 1_000_000] * 3, DataType.int64())
    table = Table.from_pydict(
        {
            "order_id": Array([31, 31, 32], DataType.int64()),
            "time": placed.cast(DataType.timestamp("us", tz="UTC")),
            "customer": Array(["ann", "ann", None], DataType.utf8()),
            "sku": Array(["tea", "cup", "tea"], DataType.utf8()),
            "paid": Array([19.5, 5.0, float("nan")], DataType.float64()),
            "goods_paid": Array([None, None, 7], DataType.int32()),
        }
    )
    write_parquet(table, str(path), max_row_group_size=1)
    return path


def test_rows_of_a_file_are_lines_of_orders(file: Path) -> None:
    history = History("demo", "old", "EUR", ZoneInfo("Europe/Berlin"))
    rows = list(read_orders(lines_of(file), history, Findings()))
    assert all(isinstance(row, Row) for row in rows), rows
    first, second = (row.event for row in rows if isinstance(row, Row))
    assert (first["subject"], first["data"]["order_id"], first["data"]["goods_paid"]) == ("ann", "31", 2450)
    assert first["time"] == PLACED.isoformat()
    assert [line["sku"] for line in first["data"]["lines"]] == ["tea", "cup"]
    assert (second.get("subject"), second["data"]["goods_paid"]) == (None, 700)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (float("nan"), "null"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (12, "12"),
        (1.25, "1.25"),
        (True, "true"),
        ('a "b" 茶', '"a \\"b\\" 茶"'),
        (datetime(2026, 1, 2, 10, 30), '"2026-01-02T10:30:00"'),
        ([{"sku": "a", "paid": Decimal("0.10")}], '[{"sku":"a","paid":0.10}]'),
    ],
)
def test_a_cell_is_what_it_says(value: Any, text: str) -> None:
    assert _json(value) == text


@pytest.mark.parametrize("keep", [8, 60, -1])
def test_a_broken_file_is_refused_whole(file: Path, tmp_path: Path, keep: int) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(UnreadableFile) as raised:
        list(lines_of(broken))
    assert raised.value.slug == "broken_parquet"


def test_another_layout_does_not_take_it(file: Path) -> None:
    history = History("demo", "old", "EUR", ZoneInfo("UTC"))
    with pytest.raises(UnreadableFile):
        list(LAYOUTS["online_retail"].read(lines_of(file), history, Findings()))


def written(path: Path, **columns: Array) -> Path:
    write_parquet(Table.from_pydict({**columns}), str(path))
    return path


def test_texts_written_as_bytes_and_numbers_as_floats_name_the_same_orders_and_customers(tmp_path: Path) -> None:
    """ORD-005: Spark, Hive and Impala write texts as bytes; pandas whole numbers as floats where one is missing."""
    path = written(
        tmp_path / "spark.parquet",
        order_id=Array([1001.0, 1002.0], DataType.float64()),
        time=Array([b"2026-01-02", b"2026-01-03"], DataType.binary()),
        customer=Array(["安".encode(), b"bob"], DataType.large_binary()),
        paid=Array([5, 6], DataType.int32()),
    )
    rows = list(read_orders(lines_of(path), History("demo", "old", "EUR", ZoneInfo("UTC")), Findings()))
    found = [(row.event["data"]["order_id"], row.event["subject"]) for row in rows if isinstance(row, Row)]
    assert found == [("1001", "安"), ("1002", "bob")]


def test_a_column_of_another_kind_is_named_and_the_file_refused(tmp_path: Path) -> None:
    """ORD-039: read as something else it would name others."""
    for name, column in (
        ("photo", Array([b"\xff\xd8"], DataType.binary())),
        ("took", Array([5], DataType.int64()).cast(DataType.duration("s"))),
    ):
        path = written(tmp_path / name, order_id=Array(["1"], DataType.utf8()), **{name: column})
        with pytest.raises(UnreadableFile, match=f"'{name}' holds .*: write it as text") as error:
            list(lines_of(path))
        assert error.value.slug == "unreadable_column"
