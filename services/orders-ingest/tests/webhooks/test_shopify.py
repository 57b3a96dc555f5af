"""Shopify's webhooks become the same orders, refunds, customers and consents as any other door's (ORD-001, ORD-031)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from common.events import Event
from common.storage.database import Database
from orders_ingest.webhooks.shopify.orders import order_said
from orders_ingest.webhooks.shopify.refunds import refund_said
from orders_ingest.webhooks.state import SentOrder

Published = Callable[[], Awaitable[list[Event[Any]]]]
ORDER = "820982911946154508"


async def test_a_paid_order_is_told_with_its_amounts_and_the_states_that_it_passed(
    delivering: Any, shopify_order: Any, published: Published, api: httpx.AsyncClient
) -> None:
    answer = await delivering.shopify("orders/create", shopify_order)
    assert answer.status_code == 200, answer.text
    assert [one["status"] for one in answer.json()["results"]] == ["accepted", "accepted"]
    placed, paid = await published()
    assert (placed.type, placed.time.isoformat()) == ("order.placed", "2026-03-01T15:00:00+00:00")
    assert (paid.type, paid.source, paid.subject) == ("order.paid", "/shops/demo/shopify", "115310627314723954")
    data = paid.data
    # 70.40 in all, of which 10.00 and 0.40 of tax are postage.
    assert (data.goods_paid, data.freight, data.list_total) == (6000, 1040, 6000)
    lines = [(line.sku, line.brand, line.quantity, line.unit_price, line.paid) for line in data.lines]
    assert lines == [("CUP-1", "Kiln", 2, 2000, 3700), ("77", None, 1, 2000, 2300)]
    assert sum(line.paid for line in data.lines) == data.goods_paid
    assert [(use.kind, use.code, use.amount) for use in data.promotions] == [("secret_code", "SPRING", 500)]
    assert data.recipient.startswith("enc:")
    shown = (await api.get(f"/v1/shops/demo/orders/{ORDER}")).json()
    assert (shown["state"], shown["platform"], shown["city"]) == ("paid", "shopify", "Shippington")


async def test_the_same_delivery_again_is_a_duplicate_whatever_its_attempt(
    delivering: Any, shopify_order: Any, published: Published
) -> None:
    for id_, status in (("w-1", "accepted"), ("w-1", "duplicate"), ("w-2", "duplicate")):
        answer = await delivering.shopify("orders/create", shopify_order, id_)
        assert {one["status"] for one in answer.json()["results"]} == {status}
    assert len(await published()) == 2


def versions(order: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """An order's life in deliveries: created, paid later, on its way, there, archived."""
    shipped = {
        "created_at": "2026-03-03T09:00:00-05:00",
        "status": "success",
        "tracking_company": "UPS",
        "tracking_number": "1Z1",
    }
    created = {**order, "financial_status": "pending", "updated_at": "2026-03-01T10:00:30-05:00"}
    paid = {**order, "updated_at": "2026-03-02T10:02:00-05:00"}
    sent = {
        **paid,
        "fulfillment_status": "fulfilled",
        "fulfillments": [{**shipped, "shipment_status": "in_transit"}],
        "updated_at": "2026-03-03T09:01:00-05:00",
    }
    there = {
        **sent,
        "fulfillments": [{**shipped, "shipment_status": "delivered"}],
        "updated_at": "2026-03-04T09:01:00-05:00",
    }
    done = {**there, "closed_at": "2026-03-04T11:00:00-05:00", "updated_at": "2026-03-04T11:00:01-05:00"}
    return [
        ("orders/create", created),
        ("orders/paid", paid),
        ("orders/fulfilled", sent),
        ("orders/updated", there),
        ("orders/updated", done),
    ]


async def test_an_orders_life_is_told_state_by_state_and_its_payment_keeps_its_time(
    delivering: Any, shopify_order: Any, published: Published, api: httpx.AsyncClient
) -> None:
    for topic, payload in versions(shopify_order):
        assert (await delivering.shopify(topic, payload)).status_code == 200
    states = [event.type.removeprefix("order.") for event in await published()]
    assert list(dict.fromkeys(states)) == ["placed", "paid", "shipped", "in_transit", "delivered", "completed"]
    shown = (await api.get(f"/v1/shops/demo/orders/{ORDER}")).json()
    assert (shown["state"], shown["sequence"], shown["tracking"]) == ("completed", 1, "1Z1")
    assert shown["paid_at"] == "2026-03-02T15:02:00Z"


@pytest.mark.parametrize("order_of", [(4, 0, 2), (2, 1, 4), (3, 4, 1)])
async def test_deliveries_in_any_order_end_in_the_newest_state(
    delivering: Any, shopify_order: Any, api: httpx.AsyncClient, order_of: tuple[int, ...]
) -> None:
    life = versions(shopify_order)
    for number in order_of:
        answer = await delivering.shopify(*life[number])
        assert "refused" not in answer.text, answer.text
    shown = (await api.get(f"/v1/shops/demo/orders/{ORDER}")).json()
    assert (shown["state"], shown["goods_paid"]) == ("completed", 6000)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"financial_status": "pending"}, "placed"),
        ({"financial_status": "authorized"}, "placed"),
        ({"financial_status": "partially_refunded"}, "paid"),
        ({"fulfillment_status": "partial"}, "paid"),
        ({"fulfillment_status": "fulfilled"}, "shipped"),
        ({"fulfillment_status": "fulfilled", "fulfillments": [{"shipment_status": "out_for_delivery"}]}, "in_transit"),
        (
            {"fulfillment_status": "fulfilled", "financial_status": "pending", "closed_at": "2026-03-04T11:00:00Z"},
            "shipped",
        ),
        ({"cancelled_at": "2026-03-02T10:00:00Z", "financial_status": "voided"}, "closed"),
    ],
)
def test_shopifys_statuses_are_our_states(shopify_order: Any, change: dict[str, Any], state: str) -> None:
    [said] = order_said(orjson.dumps({**shopify_order, **change}), paid_now=False)
    assert isinstance(said, SentOrder)
    assert said.order["state"] == state


def test_a_test_order_says_nothing(shopify_order: Any) -> None:
    assert order_said(orjson.dumps({**shopify_order, "test": True}), paid_now=False) == []


REFUND = {
    "id": 890088186047892319,
    "order_id": 820982911946154508,
    "created_at": "2026-03-04T10:00:00-05:00",
    "note": "one cup was broken",
    "transactions": [{"kind": "refund", "status": "success", "amount": "28.90", "currency": "USD"}],
    "order_adjustments": [{"kind": "shipping_refund", "amount": "-10.00", "tax_amount": "-0.40"}],
    "refund_line_items": [{"quantity": 1, "subtotal": "17.50", "total_tax": "1.00", "line_item": {"sku": "CUP-1"}}],
}


async def test_a_refund_is_told_apart_for_goods_and_postage_and_counts_once(
    delivering: Any, shopify_order: Any, api: httpx.AsyncClient
) -> None:
    """It may come before its order."""
    first = await delivering.shopify("refunds/create", REFUND, "w-1")
    assert first.json()["results"][0]["status"] == "accepted", first.text
    await delivering.shopify("orders/create", shopify_order, "w-2")
    again = await delivering.shopify("refunds/create", {**REFUND, "note": "mended"}, "w-3")
    assert again.json()["results"][0]["status"] == "duplicate", again.text
    [refund] = (await api.get("/v1/shops/demo/refunds")).json()
    assert (refund["state"], refund["amount"], refund["freight"]) == ("counted", 1850, 1040)
    assert refund["customer"] == "115310627314723954"


def refunds_of(**changes: Any) -> list[tuple[int, list[tuple[str, int]]]]:
    said = refund_said(orjson.dumps({**REFUND, **changes}), "USD")
    return [(one.data["amount"], [(line["sku"], line["quantity"]) for line in one.data["lines"]]) for one in said]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "counts"), [("success", True), (None, True), ("pending", False), ("failure", False), ("error", False)]
)
def test_a_refund_counts_once_its_money_is_paid_back(status: str | None, counts: bool) -> None:
    """What is pending may fail, and nothing would take it back."""
    transactions = [{"kind": "refund", "status": status, "amount": "28.90", "currency": "USD"}]
    assert bool(refunds_of(transactions=transactions)) is counts


def test_goods_that_came_back_without_money_are_told_by_their_lines() -> None:
    """ORD-035: for store credit, or a gift; without lines nothing came back."""
    assert refunds_of(transactions=[]) == [(0, [("CUP-1", 1)])]
    assert refunds_of(transactions=[], refund_line_items=[]) == []


@pytest.mark.parametrize("named", [{"product_id": 77}, {"variant_id": 5, "product_id": 77}, {"title": "Gift card"}])
def test_a_line_without_sku_is_called_alike_in_order_and_refund(shopify_order: Any, named: dict[str, Any]) -> None:
    item = {"sku": "", "title": "Gift card", **named, "quantity": 1, "price": "50.00"}
    [order] = order_said(orjson.dumps({**shopify_order, "line_items": [item]}), paid_now=False)
    refund = {"quantity": 1, "subtotal": "45.00", "line_item": item}
    [(_, [(sku, _quantity)])] = refunds_of(refund_line_items=[refund])
    assert isinstance(order, SentOrder)
    assert order.order["lines"][0]["sku"] == sku != "?"


async def test_a_pending_refund_is_told_by_its_order_when_it_has_succeeded(
    delivering: Any, shopify_order: Any, api: httpx.AsyncClient
) -> None:
    pending = {**REFUND, "transactions": [{**REFUND["transactions"][0], "status": "pending"}]}  # type: ignore[index]
    await delivering.shopify("orders/create", shopify_order, "w-1")
    assert (await delivering.shopify("refunds/create", pending, "w-2")).json() == {"results": []}
    for number, refund in enumerate([pending, REFUND, REFUND]):
        later = {**shopify_order, "refunds": [refund], "updated_at": f"2026-03-04T10:0{number}:00-05:00"}
        answer = await delivering.shopify("orders/updated", later, f"w-{3 + number}")
        assert "refused" not in answer.text, answer.text
    [found] = (await api.get("/v1/shops/demo/refunds")).json()
    assert (found["state"], found["amount"]) == ("counted", 1850)


async def test_what_only_describes_an_order_never_costs_it(
    delivering: Any, shopify_order: Any, published: Published, api: httpx.AsyncClient
) -> None:
    """ORD-039: the money and the state are taken, and what was cut is said."""
    wordy = {
        **shopify_order,
        "note": "n" * 9_000,
        "source_name": "s" * 2_000,
        "discount_codes": [{"code": str(number), "amount": "0.01"} for number in range(150)],
        "customer": None,
    }
    results = (await delivering.shopify("orders/create", wordy)).json()["results"]
    assert [one["status"] for one in results] == ["accepted", "accepted"]
    assert [one["field"] for one in results[0]["left_out"]] == ["promotions", "remark", "traffic_source"]
    paid = (await published())[-1].data
    assert (paid.goods_paid, len(paid.traffic_source), len(paid.promotions)) == (6000, 500, 100)
    absurd = await delivering.shopify("orders/updated", {**shopify_order, "total_price": "1e30"}, "w-2")
    assert (absurd.status_code, absurd.json()["results"][0]["slug"]) == (200, "invalid_delivery")
    name = {**CUSTOMER, "first_name": "f" * 9_000}
    [told] = (await delivering.shopify("customers/create", name, "w-3")).json()["results"]
    assert (told["status"], told["left_out"][0]["field"]) == ("accepted", "name")


PRODUCT = {
    "id": 632910392,
    "title": "Cup",
    "body_html": "<p>It's fired <strong>twice</strong> &amp; light.</p>",
    "vendor": "Kiln",
    "product_type": "Crockery",
    "updated_at": "2026-03-02T10:00:00-05:00",
    "image": {"src": "https://cdn.example.com/cup.jpg"},
    "variants": [
        {"id": 1, "sku": "CUP-1", "title": "red", "price": "20.00", "inventory_quantity": 7},
        {"id": 77, "sku": "", "title": "blue", "price": "21.50", "inventory_quantity": -2},
    ],
}


async def test_a_product_is_one_for_each_variant_and_keeps_what_shopify_does_not_know(
    delivering: Any, api: httpx.AsyncClient
) -> None:
    """ORD-008, ORD-009: called as in orders; the newest word of each field counts."""
    url = "/v1/shops/demo/products/"
    kept = {"season": "spring", "marks": [{"mark": "hot", "since": "2026-01-01T00:00:00Z"}], "price": 1}
    assert (await api.put(f"{url}CUP-1", json={**kept, "currency": "CNY"})).status_code == 202
    later = {**PRODUCT, "updated_at": "2026-03-05T11:59:00+00:00"}
    at_noon = {**PRODUCT, "title": "Mug", "updated_at": "2026-03-05T12:01:00+00:00"}
    for number, (payload, status) in enumerate([(later, "accepted"), (later, "duplicate"), (at_noon, "accepted")]):
        results = (await delivering.shopify("products/update", payload, f"w-{number}")).json()["results"]
        assert [one["status"] for one in results] == [status, status]
    red, blue = [(await api.get(f"{url}{sku}")).json() for sku in ("CUP-1", "77")]
    assert (red["name"], red["price"], red["stock"], red["season"]) == ("Mug red", 2000, 7, "spring")
    assert (len(red["marks"]), red["description"]) == (1, "It's fired twice & light.")
    assert (blue["name"], blue["price"], blue["stock"], blue["brand"]) == ("Mug blue", 2150, 0, "Kiln")
    assert (await delivering.shopify("products/delete", {"id": 632910392}, "w-9")).json() == {"results": []}


CUSTOMER = {
    "id": 706405506930370084,
    "created_at": "2025-06-01T10:00:00-04:00",
    "first_name": "Bob",
    "last_name": "Biller",
    "email": "bob@example.com",
    "phone": "+4930123456",
    "default_address": {"address1": "1 Main St", "city": "Bonn", "province": "NRW", "country": "Germany"},
    "email_marketing_consent": {"state": "subscribed", "consent_updated_at": "2025-06-01T10:00:00-04:00"},
    "sms_marketing_consent": {"state": "not_subscribed", "consent_updated_at": None},
}


async def test_a_customer_is_told_with_the_consents_that_they_gave(
    delivering: Any, published: Published, api: httpx.AsyncClient
) -> None:
    answer = await delivering.shopify("customers/create", CUSTOMER)
    assert answer.json()["results"][0]["status"] == "accepted", answer.text
    registered, consent = await published()
    assert (registered.type, consent.type) == ("customer.registered", "customer.consent_changed")
    assert (consent.data.channel, consent.data.granted) == ("email", True)
    withdrawn = {
        "customer_id": 706405506930370084,
        "email_address": "bob@example.com",
        "email_marketing_consent": {"state": "unsubscribed", "consent_updated_at": "2026-01-01T10:00:00Z"},
    }
    answer = await delivering.shopify("customers_email_marketing_consent/update", withdrawn)
    assert answer.json()["results"][0]["status"] == "accepted", answer.text
    shown = (await api.get("/v1/shops/demo/customers/706405506930370084")).json()
    assert [(c["channel"], c["granted"]) for c in shown["consents"]] == [("email", False)]
    assert {"name", "email", "phone", "address"} <= set(shown["has"])


async def test_the_three_privacy_topics_are_kept_and_a_customer_is_redacted_at_once(
    delivering: Any, api: httpx.AsyncClient, db: Database
) -> None:
    """SEC-006: Shopify's mandatory topics."""
    await delivering.shopify("customers/create", CUSTOMER, "w-0")
    who = {"shop_id": 1, "shop_domain": "demo.myshopify.com", "customer": {"id": 706405506930370084, "email": "b@x.de"}}
    for number, topic in enumerate(["customers/data_request", "customers/redact", "shop/redact"]):
        for status in ("accepted", "duplicate"):
            answer = await delivering.shopify(topic, who, f"p-{number}")
            assert answer.json()["results"][0]["status"] == status, answer.text
    found = (await api.get("/v1/shops/demo/privacy-requests")).json()
    assert [(one["kind"], one["customer"], one["done_at"] is None) for one in found] == [
        ("data_request", "706405506930370084", True),
        ("redact", "706405506930370084", False),
        ("shop_redact", None, True),
    ]
    async with db.transaction() as tx:
        assert await tx.value("select erased_at from customer_keys where customer = '706405506930370084'") is not None
    assert "b@x.de" not in str(found)
    done = await api.post("/v1/shops/demo/privacy-requests/shopify/p-0/done")
    assert done.status_code == 204
    left = (await api.get("/v1/shops/demo/privacy-requests", params={"open": "true"})).json()
    assert [one["request_id"] for one in left] == ["p-2"]
    missing = await api.post("/v1/shops/demo/privacy-requests/shopify/p-9/done")
    assert missing.status_code == 404
