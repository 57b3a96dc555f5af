"""Shopify's and WooCommerce's order exports as files of history (ORD-005): headings as these systems write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.events import from_dict
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Row
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import UnreadableFile

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Billing Name,Shipping City,Notes,Cancelled at,"
    "Refunded Amount,Vendor,Id,Source,Lineitem discount"
)
FIRST = (
    "#1001,Ann@Example.test,paid,2026-01-02 10:00:00 +0100,fulfilled,2026-01-03 10:00:00 +0100,yes,EUR,53.90,4.90,8.61,"
    '58.80,TEA10,6.00,Standard,2026-01-02 09:59:00 +0100,2,"Longjing, 250 g",24.95,,tea-1,Ann Li,Berlin,'
    '"leave it\nhere",,BACK,House,7410991464714,web,5.00'
)
_SAID = {"Name": "#1001", "Lineitem quantity": "1", "Lineitem name": "Cup", "Lineitem price": "10.00"}
_SAID |= {"Lineitem discount": "1.00", "Vendor": "House"}
SECOND = ",".join(_SAID.get(heading, "") for heading in SHOPIFY.split(","))
WOO = (
    "order_id,order_number,order_date,paid_date,status,shipping_total,shipping_tax_total,order_total,order_currency,"
    "customer_id,billing_email,billing_first_name,billing_last_name,shipping_city,line_item_1,line_item_2"
)
ITEM = "name:Longjing; 250 g|product_id:7|sku:tea-1|quantity:2|total:40.00|sub_total:44.00|tax:3.80"
UNTIL = datetime(2026, 3, 5, tzinfo=UTC)


def history(**more: Any) -> History:
    return History("demo", "old", "EUR", ZoneInfo("Europe/Berlin"), until=UNTIL, hashing=b"key", **more)


def found(layout: str, *lines: str) -> list[Row | BadRow]:
    text = "\n".join(lines).split("\n")
    return list(LAYOUTS[layout].read(text, history(), Findings()))


def events(layout: str, *lines: str) -> list[dict[str, Any]]:
    rows = found(layout, *lines)
    assert all(isinstance(row, Row) for row in rows), rows
    made = [row.event for row in rows if isinstance(row, Row)]
    for event in made:
        from_dict(event)  # as intake takes it
    return made


def test_an_order_of_shopify_is_its_rows_with_the_customer_by_mail() -> None:
    profile, order = events("shopify_orders", SHOPIFY, FIRST.replace("BACK", "0.00"), SECOND)
    assert profile["data"] == {"email": "Ann@Example.test", "name": "Ann Li"}
    assert order["subject"] == profile["subject"]
    assert order["subject"].startswith("mail-")
    assert "ann" not in order["subject"].lower() + profile["id"].lower(), "an identifier says nothing of the e-mail"
    data = order["data"]
    assert (order["type"], data["order_id"], data["goods_paid"], data["freight"]) == (
        "order.completed", "7410991464714", 5390, 490,
    )  # fmt: skip
    assert order["time"] == "2026-01-17T09:00:00+00:00", "fourteen days after it was fulfilled"
    assert [(line["sku"], line["quantity"], line["paid"]) for line in data["lines"]] == [
        ("tea-1", 2, 4490), ("Cup", 1, 900),
    ]  # fmt: skip
    assert data["promotions"] == [{"kind": "secret_code", "code": "TEA10", "amount": 600}]
    assert (data["city"], data["traffic_source"], data["list_total"]) == ("Berlin", "web", 5990)


def test_what_was_paid_back_is_one_refund_of_goods_then_of_postage() -> None:
    *_, refund = events("shopify_orders", SHOPIFY, FIRST.replace("BACK", "55.00").replace("paid,2026", "refunded,2026"))
    assert refund["type"] == "order.refunded"
    assert (refund["data"]["amount"], refund["data"]["freight"]) == (5390, 110)
    assert refund["data"]["order_id"] == "7410991464714"


@pytest.mark.parametrize(
    ("change", "state", "at"),
    [
        (("", ""), "completed", "2026-01-17T09:00:00+00:00"),
        (("fulfilled,2026-01-03", "fulfilled,2026-02-27"), "shipped", "2026-02-27T09:00:00+00:00"),
        (("fulfilled,2026-01-03 10:00:00 +0100", "unfulfilled,"), "paid", "2026-01-02T09:00:00+00:00"),
        (("paid,2026-01-02 10:00:00 +0100", "pending,"), "placed", "2026-01-02T08:59:00+00:00"),
        (("paid,2026", "voided,2026"), "closed", "2026-01-02T08:59:00+00:00"),
    ],
)
def test_the_state_follows_from_payment_fulfilment_and_age(change: tuple[str, str], state: str, at: str) -> None:
    line = FIRST.replace("BACK", "0")
    order = events("shopify_orders", SHOPIFY, line.replace(*change))[1]
    assert (order["data"]["state"], order["time"]) == (state, at)
    assert order["data"][f"{state}_at"] == at


def test_a_customer_is_told_once_and_without_a_mail_an_order_is_nobodys() -> None:
    one = FIRST.replace("BACK", "0")
    other = one.replace("#1001", "#1002").replace("7410991464714", "8")
    nobody = one.replace("#1001", "#1003").replace("7410991464714", "9").replace("Ann@Example.test", "")
    made = events("shopify_orders", SHOPIFY, one, other, nobody)
    assert [event["type"] for event in made] == ["customer.registered"] + ["order.completed"] * 3
    assert made[1]["subject"] == made[2]["subject"]
    assert "subject" not in made[3]
    older = events("shopify_orders", SHOPIFY, other.replace("2026-01-02 09:59", "2026-01-02 10:59"), one)
    registered = [event for event in older if event["type"] == "customer.registered"]
    assert len({event["id"] for event in registered}) == 1, (
        "of several tellings the earliest is taken, the first in time"
    )
    assert min(event["time"] for event in registered) == "2026-01-02T08:59:00+00:00"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (FIRST.replace("BACK", "much"), "Refunded Amount"),
        (FIRST.replace("BACK", "0").replace("58.80", "58.805"), "decimals"),
        (FIRST.replace("BACK", "0").replace("7410991464714", "7.41E+12"), "spreadsheet"),
        (FIRST.replace("BACK", "0").replace(",EUR,", ",XXX,"), "ISO 4217"),
        (SECOND, "Created at and Total"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused_whole(line: str, word: str) -> None:
    rows = found("shopify_orders", SHOPIFY, line, SECOND)
    assert [type(row) for row in rows] == [BadRow, BadRow]
    assert all(isinstance(row, BadRow) and word in row.detail for row in rows)
    assert [row.record for row in rows if isinstance(row, BadRow)] == [1, 2]


def test_rows_of_an_order_that_stand_apart_are_refused() -> None:
    other = FIRST.replace("BACK", "0").replace("#1001", "#1002").replace("7410991464714", "8")
    rows = found("shopify_orders", SHOPIFY, FIRST.replace("BACK", "0"), other, SECOND)
    assert isinstance(rows[-1], BadRow)
    assert "stand together" in rows[-1].detail


def test_an_order_of_woocommerce_is_a_row_with_lines_in_its_cells() -> None:
    row = "31,31,2026-01-02 10:00:00,2026-01-02 10:01:00,wc-completed,4.90,0.93,59.63,EUR,12,a@b.test,Ann,Li,Berlin,"
    profile, order = events("woocommerce_orders", WOO, f'{row}"{ITEM}",name:Cup|quantity:1|total:10.00')
    assert profile["subject"] == order["subject"] == "12", "as its webhooks call the customer"
    assert profile["data"] == {"email": "a@b.test", "name": "Ann Li"}
    data = order["data"]
    assert (order["type"], data["order_id"], data["goods_paid"], data["freight"]) == (
        "order.completed",
        "31",
        5380,
        583,
    )
    assert [(line["sku"], line["name"], line["quantity"], line["paid"]) for line in data["lines"]] == [
        ("tea-1", "Longjing; 250 g", 2, 4380), ("Cup", "Cup", 1, 1000),
    ]  # fmt: skip


def test_lines_of_one_cell_are_parted_and_a_refunded_order_is_given_back_whole() -> None:
    heading = WOO.replace("line_item_1,line_item_2", "line_items")
    items = f"{ITEM};id:5|name:Cup|quantity:1|total:6.20"
    row = f'31,31,2026-01-02 10:00:00,2026-01-02 10:01:00,refunded,0,0,50.00,EUR,0,,,,,"{items}"'
    order, refund = events("woocommerce_orders", heading, row)
    assert [line["paid"] for line in order["data"]["lines"]] == [4380, 620]
    assert "subject" not in order, "a guest without an e-mail is nobody"
    assert (refund["data"]["amount"], refund["data"]["freight"]) == (5000, 0)


def test_numbers_with_decimals_are_the_orders_and_customers_of_the_webhooks() -> None:
    """pandas makes 12 of a column 12.0 as soon as one of its cells is empty."""
    row = "{}.0,31,2026-01-02 10:00:00,2026-01-02 10:01:00,completed,0,0,50.00,EUR,{},a@b.test,Ann,Li,Berlin,{},"
    item = "name:Cup|sku:85123.0|quantity:1|total:50.00"
    _, order = events("woocommerce_orders", WOO, row.format(31, "12.0", item))
    assert (order["subject"], order["data"]["order_id"], order["data"]["lines"][0]["sku"]) == ("12", "31", "85123")
    _, guest = events("woocommerce_orders", WOO, row.format(32, "0.0", item))
    assert guest["subject"].startswith("mail-"), "a guest is nobody's customer 0.0"
    numbered = FIRST.replace("BACK", "0").replace("7410991464714", "450789469.0").replace("tea-1", "85123.0")
    _, order = events("shopify_orders", SHOPIFY, numbered.replace("TEA10", "15.0"))
    assert (order["data"]["order_id"], order["data"]["lines"][0]["sku"]) == ("450789469", "85123")
    assert order["data"]["promotions"][0]["code"] == "15"


def test_rows_of_an_order_whose_number_is_written_twice_are_refused() -> None:
    row = "{},31,2026-01-02 10:00:00,,completed,0,0,50.00,EUR,12,a@b.test,Ann,Li,Berlin,,"
    rows = found("woocommerce_orders", WOO, row.format("31"), row.format("31.0"))
    assert len(rows) == 2
    assert all(isinstance(each, BadRow) for each in rows)


def test_an_order_is_its_rows_however_its_number_is_written_in_each() -> None:
    heading = "Name,Financial Status,Created at,Total,Lineitem quantity,Lineitem name,Lineitem price"
    placed = "paid,2026-01-02 10:00:00 +0100,15.00"
    (order,) = events("shopify_orders", heading, f"1001,{placed},1,Tea,5.00", "1001.0,,,,1,Cup,10.00")
    assert [line["paid"] for line in order["data"]["lines"]] == [500, 1000]


@pytest.mark.parametrize("date", ["", "2026-01-02 10:01:00"])
def test_what_was_paid_back_whole_had_been_paid_though_no_date_says_so(date: str) -> None:
    row = f"31,31,2026-01-02 10:00:00,{date},refunded,0,0,50.00,EUR,0,,,,,name:Cup|quantity:1|total:50.00,"
    order, refund = events("woocommerce_orders", WOO, row)
    assert (order["type"], "paid_at" in order["data"]) == ("order.completed" if date else "order.paid", True)
    assert refund["data"]["amount"] == 5000


@pytest.mark.parametrize("back", ["3.00", "-3.00", "\u22123.00"])
def test_a_sum_of_refunds_may_be_written_with_a_minus(back: str) -> None:
    heading = WOO.replace("line_item_2", "refunded_total")
    items = "name:Cup|quantity:1|total:50.00"
    row = f"31,31,2026-01-02 10:00:00,2026-01-02 10:01:00,completed,0,0,50.00,EUR,0,,,,,{items},{back}"
    assert events("woocommerce_orders", heading, row)[-1]["data"]["amount"] == 300
    assert events("shopify_orders", SHOPIFY, FIRST.replace("BACK", back))[-1]["data"]["amount"] == 300


@pytest.mark.parametrize(
    ("status", "date", "word"),
    [("shipped-ish", "2026-01-02", "status"), ("completed", "", "order_date"), ("completed", "x", "no time")],
)
def test_a_row_of_woocommerce_that_cannot_be_read_is_refused(status: str, date: str, word: str) -> None:
    (row,) = found("woocommerce_orders", "order_id,status,order_total,order_date", f"31,{status},5.00,{date}")
    assert isinstance(row, BadRow)
    assert word in row.detail


@pytest.mark.parametrize("layout", ["shopify_orders", "woocommerce_orders"])
def test_a_file_of_another_layout_is_refused_whole(layout: str) -> None:
    with pytest.raises(UnreadableFile, match="no column"):
        found(layout, "a,b", "1,2")


@pytest.mark.parametrize(
    ("layout", "lines"),
    [
        ("shopify_orders", (SHOPIFY, FIRST.replace("BACK", "0.00").replace("#1001", ""), FIRST.replace("BACK", "0"))),
        (
            "woocommerce_orders",
            (
                WOO,
                f",,2026-01-02 10:00:00,,completed,0,0,1.00,EUR,5,a@b.test,A,B,Berlin,{ITEM},",
                f"7,7,2026-01-02 10:00:00,,completed,0,0,1.00,EUR,5,a@b.test,A,B,Berlin,{ITEM},",
            ),
        ),
    ],
)
def test_a_row_without_its_orders_name_is_refused_and_the_rest_goes_on(layout: str, lines: tuple[str, ...]) -> None:
    """ORD-039: such as a row of totals at the end."""
    bad, *rest = found(layout, *lines)
    assert isinstance(bad, BadRow)
    assert "is needed in every row of an order" in bad.detail
    assert [row.event["type"] for row in rest if isinstance(row, Row)] == ["customer.registered", "order.completed"]
