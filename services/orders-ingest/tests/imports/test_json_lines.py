"""JSON Lines in the generic layout say what the same rows of CSV say, and are refused alike (ORD-005, ORD-039)."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Row
from orders_ingest.imports.layouts.orders.columns import parse_corrections
from orders_ingest.imports.layouts.orders.reading import read_orders
from orders_ingest.imports.lines import UnreadableFile

CSV = """order_id,customer,time,state,currency,freight,sku,name,quantity,unit_price,paid
1001,ann,2025-03-01 09:50:00,completed,EUR,4.90,longjing-250,"Longjing, 250 g",2,64.50,120.00
1001,,,,,,cup,Cup,1,9.00,9.00
1002,,2025-03-02 10:00,paid,EUR,,longjing-250,Longjing,1,64.50,
"""
HEAD = {"customer": "ann", "time": "2025-03-01 09:50:00", "state": "completed", "currency": "EUR", "freight": 4.90}
FIRST = {"sku": "longjing-250", "name": "Longjing, 250 g", "quantity": 2, "unit_price": 64.50, "paid": "120.00"}
CUP = {"sku": "cup", "name": "Cup", "quantity": 1, "unit_price": 9, "paid": 9.00}
LAST = {"sku": "longjing-250", "name": "Longjing", "quantity": 1, "unit_price": 64.5}
SECOND = {"Order ID": 1002, "customer": None, "time": "2025-03-02 10:00", "state": "paid", "currency": "EUR"}


def read(text: str, **more: Any) -> tuple[list[Row], list[BadRow], Findings]:
    findings = Findings()
    history = History("demo", "orders", "EUR", ZoneInfo("Europe/Berlin"), **more)
    found = list(read_orders(iter(text.splitlines()), history, findings))
    return [r for r in found if isinstance(r, Row)], [r for r in found if isinstance(r, BadRow)], findings


def lines(*objects: object) -> str:
    return "\n".join(map(json.dumps, objects))


@pytest.mark.parametrize(
    "text",
    [
        lines({"order_id": 1001, **HEAD, **FIRST}, {"order_id": "1001", **CUP}, {**SECOND, **LAST}),
        lines({"order_id": "1001", **HEAD, "lines": [FIRST, CUP]}, {**SECOND, "lines": [LAST]}),
        lines({"order_id": "#1001", "name": "#1001", **HEAD, "line_items": [FIRST, CUP]}, {**SECOND, "items": [LAST]}),
    ],
)
def test_objects_say_what_the_same_rows_of_csv_say(text: str) -> None:
    rows, bad, findings = read(text)
    wanted, _, counts = read(CSV)
    assert bad == []
    assert [row.event["data"] for row in rows] == [row.event["data"] for row in wanted]
    assert [row.event.get("subject") for row in rows] == ["ann", None]
    assert findings.counts == counts.counts


def test_ids_are_those_of_lines_and_a_key_may_be_corrected() -> None:
    text = lines({"nr": 1, "date": "2025-03-01", "total": 12.5}, {"nr": 2, "date": "2025-03-01", "total": "7"})
    rows, bad, findings = read(text, columns=parse_corrections("order_id:nr;goods_paid:total"))
    assert [(row.event["id"], row.line, row.event["data"]["goods_paid"]) for row in rows] == [
        ("line-000000001", 1, 1250),
        ("line-000000002", 2, 700),
    ]
    assert (bad, findings.columns) == ([], {"order_id": "nr", "goods_paid": "total", "time": "date"})


def test_numbers_have_a_point_also_where_texts_have_a_comma() -> None:
    text = lines({"order_id": 1, "time": "2025-03-01", "lines": [{"paid": 12.5}, {"paid": "1.234,50"}]})
    [row], bad, _ = read(text, decimals="comma")
    assert (row.event["data"]["goods_paid"], bad) == (124700, [])


def test_numbers_that_name_something_are_those_of_the_shop_whatever_the_mark() -> None:
    order = {"order_id": 8.0, "customer": 17851.0, "time": "2025-03-01", "sku": 85123.0, "name": 12.5, "paid": 12.5}
    for decimals in ("point", "comma"):
        [row], bad, _ = read(lines(order), decimals=decimals)
        data = row.event["data"]
        assert (row.event["subject"], data["order_id"], data["goods_paid"], bad) == ("17851", "8", 1250, [])
        assert (data["lines"][0]["sku"], data["lines"][0]["name"]) == ("85123", "12.5")


GOOD = {"order_id": "2", "time": "2025-03-01", "paid": 5}
DAMAGE = {
    "no JSON": ("{'order_id': 1}", "it is no JSON object"),
    "too deep": ('{"order_id": ' + "[" * 30_000, "it is no JSON object"),
    "no object": ("[1]", "a line is an object"),
    "a truth": (json.dumps({"order_id": 1, "time": True, "paid": 1}), "time is neither a text nor a number"),
    "lines of numbers": (json.dumps({"order_id": 1, "time": "2025-03-01", "lines": [1]}), "no list of objects"),
    "a rounded order": ('{"order_id": 1.0E+12, "time": "2025-03-01", "paid": 1}', "a spreadsheet has rounded"),
    "a third of a cent": (json.dumps({"order_id": 1, "time": "2025-03-01", "paid": 0.3333}), "paid has 4 decimals"),
    "one of its lines": (
        json.dumps({"order_id": 1, "time": "2025-03-01", "lines": [{"paid": 1}, {"paid": -1}, {"paid": 2}]}),
        "paid is no amount",
    ),
}


@pytest.mark.parametrize(("line", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_line_is_refused_once_with_what_to_do(line: str, words: str) -> None:
    rows, [bad], _ = read("\n".join([json.dumps(GOOD), line, json.dumps({**GOOD, "order_id": 3})]))
    assert (bad.line, bad.slug, bad.text) == (2, "invalid_row", line)
    assert words in bad.detail
    assert [row.event["data"]["order_id"] for row in rows] == ["2", "3"]


def test_a_file_whose_first_object_has_not_what_is_needed_is_refused_whole() -> None:
    with pytest.raises(UnreadableFile, match="no column was found for order_id"):
        read(lines({"nr": 1, "time": "2025-03-01", "paid": 1}))
