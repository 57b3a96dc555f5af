"""A refused line is whose its own layout says that it is, and nobody else's (SEC-006, ORD-039)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from orders_ingest.erasure.reading import said_by
from orders_ingest.erasure.rules import is_about, looked_for
from orders_ingest.imports.layouts.layout import BadRow, Findings, History
from orders_ingest.imports.layouts.registry import LAYOUTS

RETAIL = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SHOPIFY = "Name,Email,Financial Status,Created at,Total,Lineitem quantity,Lineitem name,Lineitem price"
WOO = "order_id,status,order_total,customer_id,customer_note"
CASES = [
    ("online_retail", RETAIL, "700,85123A,LAMP,1,no date,5.00,ann,UK", True),
    ("online_retail", RETAIL, '701,85123A,"LAMP, RED",1,no date,5.00,ann,UK', True),
    ("online_retail", RETAIL, "702,85123A,LAMP,0,2026-10-01 10:00,5.00,ann,UK", True),
    ("online_retail", RETAIL, '703,85123A,"12 inch,1,2026-10-01 10:00,5.00,ann,UK', True),
    ("online_retail", RETAIL, "704,85123A,LAMP,1,2026-10-01 10:00,5.00,ann", True),
    ("online_retail", RETAIL, "ann,85123A,LAMP,1,no date,5.00,bob,UK", False),
    ("online_retail", RETAIL, 'ann,85123A,"LAMP, RED",1,no date,5.00,bob,UK', False),
    ("orders", "order_id,customer,time,state,goods_paid", "1,ann,no date,completed,5.00", True),
    ("orders", "order_id,customer,time,state,goods_paid", '1,ann,"2026,completed,5.00', True),
    ("orders", "order_id;customer;time;state;goods_paid", '1;"ann;no date;completed;5.00', True),
    ("orders", "order_id,customer,time,state,goods_paid", "ann,bob,no date,completed,5.00", False),
    ("cdnow_master", "customer_id,date,number_of_cds,dollar_value", "ann,no date,1,5.00", True),
    ("cdnow_master", "customer_id,date,number_of_cds,dollar_value", "bob,ann,1,5.00", False),
    ("cdnow_master", "", "ann 19970101 1 no", True),
    ("cdnow_master", "", '"ann" 19970101 1 no', True),
    ("cdnow_master", "", '"ann,19970101,1,5.00', True),
    ("cdnow_master", "", "bob 19970101 ann 5.00", False),
    ("online_retail", RETAIL, "{700},85123A,LAMP,1,no date,5.00,ann,UK", True),
    ("orders", "order_id,customer,time,state,goods_paid", "[1],ann,no date,completed,5.00", True),
    ("orders", "order_id,customer,time,state,goods_paid", "[1],bob,no date,completed,5.00", False),
    ("cdnow_master", "", "[ann 19970101 1 no", True),
    ("cdnow_sample", "", "ann 1 19970101 1 no", True),
    ("cdnow_sample", "", "bob ann 19970101 1 no", False),
    ("shopify_orders", SHOPIFY, "#1,ann@example.com,paid,no date,5.00,1,Tea,5.00", True),
    ("shopify_orders", SHOPIFY, "ann,bob@example.com,paid,no date,5.00,1,Tea,5.00", False),
    ("woocommerce_orders", WOO, "1,wc-completed,no,ann,", True),
    ("woocommerce_orders", WOO, "ann,wc-completed,no,bob,ann is a friend", False),
]


@pytest.mark.parametrize(("layout", "heading", "line", "theirs"), CASES)
def test_a_refused_line_is_whose_its_layout_says(layout: str, heading: str, line: str, theirs: bool) -> None:
    findings, history = Findings(), History("demo", "till", "USD", ZoneInfo("UTC"))
    rows = list(LAYOUTS[layout].read([heading, line] if heading else [line], history, findings))
    (refused,) = [row for row in rows if isinstance(row, BadRow)]
    said = said_by(refused.text.encode(), findings.heading)
    ann = looked_for(["ann"], [{"email": "ann@example.com"}])
    assert is_about(said, ann, lambda mail: None) is theirs


def test_what_an_import_shows_of_its_file_names_no_customer() -> None:
    findings, history = Findings(), History("demo", "till", "USD", ZoneInfo("UTC"))
    cells = ("1,A,Tea,2,2026-10-01 10:00,5.00,ann,UK", "C2,A,Tea,-1,2026-10-02 10:00,5.00,ann,UK")
    assert len(list(LAYOUTS["online_retail"].read([RETAIL, *cells], history, findings))) == 2
    assert len(findings.examples["cancellations_matched"]) == 1
    assert "ann" not in repr(findings)


def test_every_layout_is_asked() -> None:
    assert {layout for layout, *_ in CASES} == set(LAYOUTS)
