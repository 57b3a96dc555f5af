"""Payloads beyond all sense are refused as such, and long texts are cut: pure, over all vendors (ORD-039)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import orjson
import pytest
from pydantic import BaseModel

from common.crypto.sealing import personal_fields
from common.events.orders import OrderFields, OrderLine, OrderPersonal, OrderRefunded, PromotionUse
from orders_ingest.webhooks.described import MAX_TEXT, PERSONAL, TEXTS, fitted
from orders_ingest.webhooks.registry import VENDORS
from orders_ingest.webhooks.state import Delivery, SentProduct, Shop, UnreadableDelivery

SHOP = Shop("demo", "USD", ZoneInfo("UTC"))
WOO = {
    "id": 1,
    "status": "processing",
    "currency": "USD",
    "date_created_gmt": "2026-03-01T10:00:00",
    "date_modified_gmt": "2026-03-01T10:00:00",
    "total": "12.00",
    "line_items": [{"quantity": 1, "total": "12.00"}],
}


def youzan(**changes: Any) -> bytes:
    info = {"tid": "E1", "status": "TRADE_SUCCESS", "created": "2026-03-01 10:00:00", **changes}
    pay = {"payment": changes.get("payment", "12.00")}
    full = {"full_order_info": {"order_info": info, "pay_info": pay}}
    return orjson.dumps({"type": "trade_TradeSuccess", "msg": quote_plus(orjson.dumps(full))})


@pytest.mark.parametrize("amount", ["1e30", "1e999999", "-1e30", "NaN", "Infinity", "10000000000001"])
def test_an_absurd_amount_cannot_be_read(shopify_order: dict[str, Any], amount: str) -> None:
    lines = [{"quantity": 1, "price": amount}]
    for vendor, topic, body in (
        ("shopify", "orders/create", orjson.dumps({**shopify_order, "total_price": amount})),
        ("shopify", "orders/create", orjson.dumps({**shopify_order, "line_items": lines})),
        ("woocommerce", "order.created", orjson.dumps({**WOO, "total": amount})),
        ("woocommerce", "order.created", orjson.dumps({**WOO, "refunds": [{"id": 1, "total": amount}]})),
        ("youzan", "trade_TradeSuccess", youzan(payment=amount)),
    ):
        with pytest.raises(UnreadableDelivery):
            VENDORS[vendor].said(Delivery("1", topic, body), SHOP)


def test_a_quantity_that_makes_an_amount_absurd_cannot_be_read(shopify_order: dict[str, Any]) -> None:
    lines = b'[{"quantity": 1%s, "price": "2.00"}]' % (b"0" * 4_000)
    body = orjson.dumps({**shopify_order, "line_items": []}).replace(b'"line_items":[]', b'"line_items":' + lines)
    with pytest.raises(UnreadableDelivery, match="none that an order may have"):
        VENDORS["shopify"].said(Delivery("1", "orders/create", body), SHOP)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_at_the_end_of_the_calendar_cannot_be_read(shopify_order: dict[str, Any], time: str) -> None:
    """In another zone there is no such time."""
    for vendor, topic, body in (
        ("shopify", "orders/create", orjson.dumps({**shopify_order, "created_at": time})),
        ("woocommerce", "order.created", orjson.dumps({**WOO, "date_created_gmt": time})),
        ("youzan", "trade_TradeSuccess", youzan(created=f"{time[:10]} 00:00:00")),
    ):
        with pytest.raises(UnreadableDelivery):
            VENDORS[vendor].said(Delivery("1", topic, body), SHOP)


def test_a_product_of_woocommerce_is_called_as_its_lines_are() -> None:
    payload = {
        "id": 799,
        "name": "Pot",
        "sku": "",
        "status": "publish",
        "price": "12.5",
        "stock_quantity": None,
        "description": "",
        "short_description": "<p>of clay</p>",
        "date_modified_gmt": "2026-03-01T10:00:00",
        "categories": [{"id": 9, "name": "Crockery"}],
        "images": [{"src": "https://shop.example/pot.jpg"}],
    }
    [pot] = VENDORS["woocommerce"].said(Delivery("1", "product.updated", orjson.dumps(payload)), SHOP)
    assert isinstance(pot, SentProduct)
    assert (pot.sku, pot.fields) == (
        "799",
        {
            "name": "Pot",
            "category": "Crockery",
            "description": "of clay",
            "image": "https://shop.example/pot.jpg",
            "price": 1250,
            "currency": "USD",
        },
    )
    for changed in ({"status": "draft"}, {"price": ""}):
        found = VENDORS["woocommerce"].said(
            Delivery("1", "product.updated", orjson.dumps({**payload, **changed})), SHOP
        )
        assert [one.fields.get("price") for one in found if isinstance(one, SentProduct)] == [None] * len(found)
    deleted = Delivery("1", "product.deleted", b'{"id": 799}')
    assert VENDORS["woocommerce"].said(deleted, SHOP) == []


def texts_of(kind: type[BaseModel]) -> set[str]:
    """Fields of free text, by the JSON Schema of the class."""
    fields = kind.model_json_schema()["properties"].items()
    return {name for name, field in fields if MAX_TEXT in [one.get("maxLength") for one in field.get("anyOf", [field])]}


def test_every_text_of_an_order_or_refund_is_cut_where_it_is_too_long() -> None:
    for kind in (OrderFields, OrderLine, PromotionUse, OrderRefunded):
        assert texts_of(kind) <= TEXTS, kind
    for of in (OrderPersonal, OrderRefunded):
        assert set(personal_fields(of).own) <= PERSONAL, of


def test_a_text_is_cut_and_named_and_what_fits_stays_as_it_is() -> None:
    fits = {"state": "paid", "remark": "r" * 4_000, "lines": [{"sku": "a", "quantity": 1}], "goods_paid": 1}
    assert fitted(fits) == (fits, ())
    said, cut = fitted(
        {"lines": [{"sku": "a", "name": "n" * 501}], "remark": "a\0b", "promotions": [{"code": "c"}] * 101}
    )
    assert (said["lines"][0]["name"], said["remark"], len(said["promotions"])) == ("n" * 500, "ab", 100)
    assert [(one.field, one.slug) for one in cut] == [
        ("lines/name", "shortened"),
        ("promotions", "shortened"),
        ("remark", "shortened"),
    ]
    assert OrderLine.model_validate({**said["lines"][0], "quantity": 1}).name == "n" * 500
