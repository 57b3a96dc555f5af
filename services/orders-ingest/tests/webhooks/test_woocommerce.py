"""WooCommerce's webhooks: its probe, its orders with the refunds in them, its customers (ORD-001, ORD-031)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from common.events import Event
from orders_ingest.webhooks.state import SentOrder, SentProduct
from orders_ingest.webhooks.woocommerce.orders import order_said
from orders_ingest.webhooks.woocommerce.products import product_said

Published = Callable[[], Awaitable[list[Event[Any]]]]
BILLING = {
    "first_name": "John",
    "last_name": "Doe",
    "address_1": "969 Market",
    "city": "San Francisco",
    "state": "CA",
    "postcode": "94103",
    "country": "US",
    "email": "john.doe@example.com",
    "phone": "(555) 555-5555",
}
ORDER: dict[str, Any] = {
    "id": 727,
    "status": "processing",
    "currency": "USD",
    "date_created_gmt": "2026-03-01T16:28:02",
    "date_modified_gmt": "2026-03-01T16:28:08",
    "date_paid_gmt": "2026-03-01T16:28:08",
    "date_completed_gmt": None,
    "discount_total": "2.00",
    "shipping_total": "10.00",
    "shipping_tax": "0.65",
    "total": "29.35",
    "customer_id": 26,
    "customer_note": "",
    "created_via": "rest-api",
    "billing": BILLING,
    "shipping": {**BILLING, "email": None, "phone": None},
    "line_items": [
        {
            "id": 315,
            "name": "Woo Single #1",
            "product_id": 93,
            "variation_id": 0,
            "quantity": 2,
            "subtotal": "8.00",
            "total": "6.00",
            "total_tax": "0.70",
            "sku": "",
            "price": 3,
        },
        {
            "id": 316,
            "name": "Ship Your Idea",
            "product_id": 22,
            "variation_id": 23,
            "quantity": 1,
            "total": "12.00",
            "total_tax": "0.00",
            "sku": "Bar3",
            "price": 12,
        },
    ],
    "coupon_lines": [{"id": 1, "code": "SPRING", "discount": "2.00"}],
    "refunds": [],
}


async def test_its_probe_is_answered_though_it_is_not_signed(delivering: Any, published: Published) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await delivering.raw("woocommerce", b"webhook_id=7", kind)
    assert (answer.status_code, answer.json(), await published()) == (200, {"results": []}, [])


async def test_an_order_is_told_and_its_refunds_with_it_once_each(
    delivering: Any, published: Published, api: httpx.AsyncClient
) -> None:
    assert (await delivering.woocommerce("order.created", ORDER)).status_code == 200
    placed, paid = await published()
    assert (placed.type, paid.type, paid.subject) == ("order.placed", "order.paid", "26")
    assert (paid.data.goods_paid, paid.data.freight, paid.data.list_total) == (1870, 1065, 2070)
    assert [(line.sku, line.quantity, line.paid) for line in paid.data.lines] == [("93", 2, 670), ("Bar3", 1, 1200)]
    refunds = [{"id": 900, "reason": "broken", "total": "-12.00"}, {"id": 901, "reason": "", "total": "-10.00"}]
    later = {
        **ORDER,
        "status": "completed",
        "date_completed_gmt": "2026-03-02T10:00:00",
        "date_modified_gmt": "2026-03-03T10:00:00",
        "refunds": refunds,
    }
    for number in range(2):
        modified = {**later, "date_modified_gmt": f"2026-03-0{3 + number}T10:00:00"}
        answer = await delivering.woocommerce("order.updated", modified, f"d-{number}")
        assert "refused" not in answer.text, answer.text
    found = (await api.get("/v1/shops/demo/refunds")).json()
    # 18.70 of goods: the second refund takes 6.70 of goods, and the rest of postage.
    assert [(one["refund_id"], one["amount"], one["freight"], one["state"]) for one in found] == [
        ("900", 1200, 0, "counted"),
        ("901", 670, 330, "counted"),
    ]
    shown = (await api.get("/v1/shops/demo/orders/727")).json()
    assert (shown["state"], shown["refunded"], shown["sequence"]) == ("completed", 1870, 1)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"status": "pending", "date_paid_gmt": None}, "placed"),
        ({"status": "on-hold", "date_paid_gmt": None}, "placed"),
        ({"status": "failed", "date_paid_gmt": None}, "placed"),
        ({"status": "cancelled"}, "closed"),
        ({"status": "refunded"}, "paid"),
        ({"status": "refunded", "date_paid_gmt": None}, "paid"),
        ({"status": "refunded", "date_completed_gmt": "2026-03-02T10:00:00"}, "completed"),
        ({"status": "trash"}, None),
        ({"status": "checkout-draft"}, None),
    ],
)
def test_its_statuses_are_our_states(change: dict[str, Any], state: str | None) -> None:
    said = order_said(orjson.dumps({**ORDER, **change}))
    assert [one.order["state"] for one in said if isinstance(one, SentOrder)] == ([state] if state else [])


def test_names_of_goods_are_read_as_html() -> None:
    """As in the example of WooCommerce's own documents (List all orders)."""
    line = {"name": "Ship Your Idea &ndash; Color: Black", "product_id": 22, "quantity": 1, "total": "12.00"}
    product = {"id": 22, "name": "Tea &amp; Cake", "date_modified_gmt": "2026-03-01T16:28:08"}
    [order] = order_said(orjson.dumps({**ORDER, "line_items": [line]}))
    [said] = product_said(orjson.dumps(product), "USD")
    assert isinstance(order, SentOrder)
    assert isinstance(said, SentProduct)
    assert (order.order["lines"][0]["name"], said.fields["name"]) == ("Ship Your Idea – Color: Black", "Tea & Cake")


async def test_a_guests_order_is_nobodys(delivering: Any, published: Published) -> None:
    await delivering.woocommerce("order.created", {**ORDER, "customer_id": 0})
    assert {event.subject for event in await published()} == {None}


async def test_a_customer_is_upserted_and_said_nothing_new_is_a_duplicate(
    delivering: Any, published: Published
) -> None:
    customer = {
        "id": 25,
        "date_created_gmt": "2026-02-01T10:00:00",
        "email": "john.doe@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "billing": {**BILLING, "phone": "+15555555555"},
    }
    for number, status in enumerate(("accepted", "duplicate")):
        answer = await delivering.woocommerce("customer.updated", customer, f"d-{number}")
        assert answer.json()["results"][0]["status"] == status, answer.text
    [event] = await published()
    assert (event.type, event.subject, event.data.city) == ("customer.registered", "25", "San Francisco")
