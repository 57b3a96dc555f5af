"""The generic layout of orders: columns found and corrected, damage refused, memory that does not grow (ORD-005)."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.orders import MAX_LINES
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Row
from orders_ingest.imports.layouts.orders.columns import find_columns, parse_corrections
from orders_ingest.imports.layouts.orders.reading import read_orders
from orders_ingest.imports.layouts.orders.values import amount_of, instant_of, quantity_of
from orders_ingest.imports.lines import UnreadableFile, lines_of

FILE = """order_id,customer,time,state,currency,freight,sku,name,quantity,unit_price,paid
1001,ann,2025-03-01 09:50:00,completed,EUR,4.90,longjing-250,"Longjing, 250 g",2,64.50,120.00
1001,,,,,,cup,Cup,1,9.00,9.00
1002,,2025-03-02 10:00,paid,EUR,,longjing-250,Longjing,1,64.50,
"""


def read(text: str, **more: Any) -> tuple[list[Row], list[BadRow], Findings]:
    history = History("demo", "orders", "EUR", ZoneInfo("Europe/Berlin"), **more)
    findings = Findings()
    found = list(read_orders(iter(text.splitlines()), history, findings))
    return [r for r in found if isinstance(r, Row)], [r for r in found if isinstance(r, BadRow)], findings


def test_rows_of_one_order_make_one_order_with_its_lines() -> None:
    (first, second), bad, findings = read(FILE)
    assert (bad, findings.counts) == ([], {"rows": 3, "orders": 2, "orders_without_customer": 1})
    assert first.event["data"] == {
        "order_id": "1001",
        "state": "completed",
        "currency": "EUR",
        "goods_paid": 12900,
        "freight": 490,
        "placed_at": "2025-03-01T08:50:00+00:00",
        "completed_at": "2025-03-01T08:50:00+00:00",
        "lines": [
            {"sku": "longjing-250", "quantity": 2, "paid": 12000, "name": "Longjing, 250 g", "unit_price": 6450},
            {"sku": "cup", "quantity": 1, "paid": 900, "name": "Cup", "unit_price": 900},
        ],
    }
    assert (first.line, first.event["id"], first.event["subject"]) == (2, "line-000000001", "ann")
    assert (second.event["type"], second.event["data"]["goods_paid"]) == ("order.paid", 6450)
    assert "subject" not in second.event


@pytest.mark.parametrize(
    ("text", "decimals", "goods"),
    [
        ("Bestellnummer;Kundennummer;Datum;Menge;Einzelpreis\nB-1;7;01.03.2025 09:50;3;1.234,50\n", "comma", 370350),
        (
            "订单编号,买家ID,订单创建时间,商家编码,购买数量,小计\n88,小明,2025/03/01 09:50:00,LJ,1,¥ 129.00\n",
            "point",
            12900,
        ),
        ("Order Number\tOrder Date\tOrder Total\n#7\t2025-03-01\t$1,299.00\n", "point", 129900),
        ("order_id|time|goods_paid\n7|2025-03-01T09:50:00+08:00|12\n", "point", 1200),
    ],
)
def test_headings_separators_and_marks_of_other_countries_are_found(text: str, decimals: Any, goods: int) -> None:
    [row], bad, _ = read(text, decimals=decimals)
    assert (row.event["data"]["goods_paid"], bad) == (goods, [])


def test_a_guess_is_corrected_and_a_column_may_be_put_aside() -> None:
    text = "Name,Date,Status,Total\n1,2025-03-01,weird,12.00\n"
    with pytest.raises(UnreadableFile, match=r"no column was found for order_id.*columns=order_id:Heading"):
        read(text)
    corrected = parse_corrections("order_id:name;state:-;goods_paid:Total")
    [row], bad, findings = read(text, columns=corrected)
    assert (row.event["data"]["order_id"], row.event["data"]["goods_paid"], bad) == ("1", 1200, [])
    assert findings.columns == {"order_id": "Name", "time": "Date", "goods_paid": "Total"}


@pytest.mark.parametrize(
    "text",
    ["time：完成时间；order_id：订单号", "time:完成时间； order_id : 订单号；", "time：完成时间;order_id:订单号"],
)
def test_corrections_are_read_as_a_chinese_keyboard_writes_them(text: str) -> None:
    assert parse_corrections(text) == {"time": "完成时间", "order_id": "订单号"}


def test_a_heading_may_hold_the_signs_of_a_chinese_keyboard() -> None:
    assert parse_corrections("paid:金额（元；含税）：实付") == {"paid": "金额（元；含税）：实付"}
    for nothing in ("time", "time：", "time；order_id：订单号"):
        with pytest.raises(ValueError, match="field:Heading"):
            parse_corrections(nothing)


@pytest.mark.parametrize(
    ("corrections", "words"),
    [
        ({"order_nr": "Order"}, "did you mean `order_id`"),
        ({"order_id": "Nowhere"}, "the file has no column 'Nowhere'"),
    ],
)
def test_a_correction_that_fits_nothing_is_refused(corrections: dict[str, str], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        find_columns(["Order", "Date", "Paid"], corrections)


DAMAGE: dict[str, tuple[str, str]] = {
    "a rounded order": ("1.00E+12,ann,2025-03-01,1,5.00", "a number that a spreadsheet has rounded"),
    "a customer that is nothing": ("1,nan,2025-03-01,1,5.00", "programs write for a missing value"),
    "no order": (",ann,2025-03-01,1,5.00", "order_id is needed"),
    "no time": ("1,ann,,1,5.00", "time is needed"),
    "an American day": ("1,ann,03/04/2025,1,5.00", "time is no time"),
    "a comma": ('1,ann,2025-03-01,1,"5,00"', "say decimals=comma"),
    "a negative amount": ("1,ann,2025-03-01,1,-5.00", "paid is no amount"),
    "nothing paid": ("1,ann,2025-03-01,1,", "goods_paid is missing"),
    "whole euros of another country": ("1,ann,2025-03-01,1,1.234", "paid has 3 decimals, and EUR has 2"),
    "a thousand pieces or one": ("1,ann,2025-03-01,1.000,5.00", "quantity 1.000 may be 1 or 1000"),
    "half a piece": ("1,ann,2025-03-01,0.5,5.00", "quantity is no whole number"),
    "too few cells": ("1,ann", "2 columns instead of 5"),
}


@pytest.mark.parametrize(("row", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_row_is_refused_with_what_to_do(row: str, words: str) -> None:
    good = "2,bob,2025-03-01,1,5.00"
    rows, [bad], _ = read(f"order_id,customer,time,quantity,paid\n{row}\n{good}\n")
    assert (bad.line, bad.slug) == (2, "invalid_row")
    assert words in bad.detail
    assert [r.event["data"]["order_id"] for r in rows] == ["2"]


@pytest.mark.parametrize(
    ("text", "decimals", "pieces"),
    [
        *[
            ("7", "point", 7),
            ("2.0", "point", 2),
            ("2,00", "point", 2),
            ("1,000", "point", 1000),
            ("1.000", "point", 0),
        ],
        *[("1.000", "comma", 1000), ("1,000", "comma", 0), ("1 000", "comma", 1000), ("1,000,000", "point", 10**6)],
        *[("1,00,000", "point", 0), ("1,500,000", "point", 0), ("2.5", "point", 0)],
    ],
)
def test_pieces_are_read_by_the_decimal_mark_and_never_guessed(text: str, decimals: Any, pieces: int) -> None:
    """ORD-039: 1,000 pieces are no single one. 0: refused."""
    if pieces:
        assert quantity_of(text, decimals) == pieces
    else:
        with pytest.raises(ValueError, match="quantity"):
            quantity_of(text, decimals)


@pytest.mark.parametrize(
    ("text", "decimals", "currency", "minor"),
    [
        *[("1.234", "point", "EUR", None), ("1,234", "comma", "EUR", None), ("1.230", "point", "EUR", None)],
        *[("1,234", "point", "EUR", 123400), ("1.234", "comma", "EUR", 123400), ("1.234", "point", "KWD", 1234)],
        *[("12.5000", "point", "EUR", 1250), ("12.345678", "point", "EUR", None), ("12.5", "point", "EUR", 1250)],
        *[("1.5", "point", "JPY", None), ("100.00", "point", "JPY", 100), ("1.000", "point", "JPY", None)],
    ],
)
def test_an_amount_finer_than_its_currency_is_refused(text: str, decimals: Any, currency: str, minor: Any) -> None:
    """ORD-039: what may be a thousand times as much is not rounded to something small."""
    if minor is None:
        with pytest.raises(ValueError, match=r"decimals, and"):
            amount_of(text, "paid", decimals, currency)
    else:
        assert amount_of(text, "paid", decimals, currency) == minor


@pytest.mark.parametrize("mark", [".", ","])
def test_numbers_of_a_program_of_tables_name_what_the_shop_calls_so(mark: str) -> None:
    text = "order_id;customer;time;goods_paid;sku\n8{m}0;17850{m}0;2026-10-01 10:00;50{m}00;85123{m}0\n"
    decimals = "comma" if mark == "," else "point"
    [row], bad, _ = read(text.format(m=mark), decimals=decimals)
    assert (row.event["subject"], row.event["data"]["order_id"], bad) == ("17850", "8", [])
    assert row.event["data"]["lines"][0]["sku"] == "85123"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ("1,,you,b,4,,", "another customer"),
        ("1,,me.0,b,4,,", "another customer"),
        ("1,,17850.0,b,4,,", None),
        ("1,,,b,4,,", None),
        ("1,,,b,,7.00,", "goods_paid is of the whole order"),
        ("1,,,b,4,,3.00", "freight is of the whole order"),
        ("1,,,b,,,", "goods_paid is missing"),
    ],
)
def test_rows_that_say_otherwise_what_is_the_orders_refuse_it(second: str, words: str | None) -> None:
    """Two orders that were given one number are not taken for the first one's customer."""
    text = f"order_id,time,customer,sku,paid,goods_paid,freight\n1,2026-01-01,17850,a,3,,\n{second}\n"
    rows, bad, _ = read(text)
    if words is None:
        assert [row.event["subject"] for row in rows] == ["17850"]
    else:
        assert [one.slug for one in bad] == ["order_incomplete", "invalid_row"]
        assert words in bad[1].detail


def test_an_order_is_refused_whole_where_one_of_its_rows_is() -> None:
    text = "order_id,time,paid\n1,2025-03-01,5.00\n1,,x\n1,,5.00\n2,2025-03-01,5.00\n"
    [row], bad, _ = read(text)
    assert row.event["data"]["order_id"] == "2"
    assert [(b.line, b.slug) for b in bad] == [(2, "order_incomplete"), (3, "invalid_row"), (4, "order_incomplete")]


def test_an_order_whose_rows_stand_apart_or_are_too_many_is_not_taken_twice() -> None:
    text = "order_id,time,paid\n1,2025-03-01,5.00\n2,2025-03-01,5.00\n1,2025-03-01,5.00\n"
    rows, [bad], _ = read(text)
    assert (len(rows), bad.line) == (2, 4)
    assert "let its rows stand together" in bad.detail
    many = "order_id,time,paid\n" + "1,2025-03-01,5.00\n" * (MAX_LINES + 3)
    rows, refused, _ = read(many)
    assert (rows, len(refused)) == ([], MAX_LINES + 3)


@given(st.integers(0, 10**10), st.sampled_from(["point", "comma"]), st.booleans())
def test_an_amount_is_read_as_it_was_written(minor: int, decimals: Any, grouped: bool) -> None:
    text = f"{minor // 100:,}.{minor % 100:02d}" if grouped else f"{minor // 100}.{minor % 100:02d}"
    written = text if decimals == "point" else text.translate(str.maketrans(",.", ".,"))
    assert amount_of(written, "paid", decimals, "EUR") == minor


@given(st.text(max_size=30))
def test_no_text_is_read_as_an_amount_or_a_time_by_accident(text: str) -> None:
    for decimals in ("point", "comma"):
        try:
            assert amount_of(text, "paid", decimals, "EUR") >= 0
            assert any(c.isdigit() for c in text)
        except ValueError:
            pass
    try:
        instant_of(text, "time", ZoneInfo("UTC"))
        assert any(c.isdigit() for c in text)
    except ValueError:
        pass


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_in_each_encoding_packed_or_not(tmp_path: Path, encoding: str, packed: bool) -> None:
    text = "订单号,下单时间,商品名称,实付金额\r\n1,2025-03-01,龙井\u0a0d茶,12.00\r\n" if encoding != "gbk" else None
    text = text or "订单号,下单时间,商品名称,实付金额\r\n1,2025-03-01,龙井茶,12.00\r\n"
    path = tmp_path / "file"
    raw = text.encode(encoding)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    name = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert list(lines_of(path, name)) == text.split("\r\n")[:-1]


@pytest.mark.parametrize("raw", ["a,b\n".encode("utf-16")[:-1], "a\ud800b\n".encode("utf-16", "surrogatepass")])
def test_what_is_no_utf_16_is_said_to_be_none(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    with pytest.raises(UnreadableFile, match="not utf-16"):
        list(lines_of(path, "utf-16"))


def many(rows: int) -> Iterator[str]:
    yield "order_id,customer,time,sku,quantity,paid"
    for number in range(rows):
        yield f"{number // 3},c-{number % 1000},2025-03-01,sku-{number % 50},1,5.00"


def peak(rows: int) -> int:
    """Bytes of Python objects at most while so many rows are read."""
    history = History("demo", "orders", "EUR", ZoneInfo("Europe/Berlin"))
    tracemalloc.start()
    try:
        for _ in read_orders(many(rows), history, Findings()):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file() -> None:
    small, large = peak(1_000), peak(8_000)
    assert large < small + 100_000, (small, large)


def test_the_parser_of_its_own_reads_a_beginning(tmp_path: Path) -> None:
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_text(FILE)
    job = {
        "path": str(path),
        "out": str(out),
        "most": 2,
        "layout": "orders",
        "encoding": "utf-8",
        "shop": "demo",
        "name": "n",
        "currency": "EUR",
        "zone": "UTC",
        "columns": {},
        "decimals": "point",
        "until": "2026-01-01T00:00:00+00:00",
    }
    command = [sys.executable, "-m", "orders_ingest.imports.parser"]
    subprocess.run(command, input=orjson.dumps(job), check=True, timeout=60)
    kinds = [orjson.loads(line)[0] for line in out.read_bytes().splitlines()]
    assert kinds == ["row", "end"]
