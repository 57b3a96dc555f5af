"""Deliveries as vendors sign them, of shop demo, whose secrets are set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from orders_ingest.webhooks.vendor import hmac_of

SECRETS = {
    "standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "shopify": "hush-hush-hush-hush",
    "woocommerce": "another-secret-of-a-webhook",
    "youzan": "client-id-1:client-secret-0123456789",
}


class Delivering:
    """Sends deliveries over HTTP, without any key of ours."""

    secrets = SECRETS

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api

    async def raw(self, vendor: str, body: bytes, headers: Mapping[str, str], shop: str = "demo") -> httpx.Response:
        kind = {"content-type": "application/json", "authorization": ""}
        return await self._api.post(f"/v1/shops/{shop}/webhooks/{vendor}", content=body, headers={**kind, **headers})

    async def shopify(self, topic: str, payload: Any, id_: str = "w-1", secret: str | None = None) -> httpx.Response:
        body = orjson.dumps(payload)
        headers = {
            "x-shopify-hmac-sha256": hmac_of(secret or SECRETS["shopify"], body),
            "x-shopify-topic": topic,
            "x-shopify-webhook-id": id_,
        }
        return await self.raw("shopify", body, headers)

    async def woocommerce(self, topic: str, payload: Any, id_: str = "d-1") -> httpx.Response:
        body = orjson.dumps(payload)
        headers = {
            "x-wc-webhook-signature": hmac_of(SECRETS["woocommerce"], body),
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-delivery-id": id_,
        }
        return await self.raw("woocommerce", body, headers)

    async def youzan(self, payload: Any) -> httpx.Response:
        body = orjson.dumps(payload)
        client, _, key = SECRETS["youzan"].partition(":")
        sign = hashlib.md5(client.encode() + body + key.encode(), usedforsecurity=False).hexdigest()
        return await self.raw("youzan", body, {"event-sign": sign})


@pytest_asyncio.fixture
async def delivering(api: httpx.AsyncClient) -> Delivering:
    for vendor, secret in SECRETS.items():
        answer = await api.put(f"/v1/shops/demo/webhooks/{vendor}", json={"secrets": [secret]})
        assert answer.status_code == 200, answer.text
    return Delivering(api)


@pytest.fixture
def shopify_order() -> dict[str, Any]:
    """A paid order of 2 cups and a pot, with a discount and postage, tax not included, as Shopify's REST API has it."""
    money = {"shop_money": {"amount": "10.00", "currency_code": "USD"}}
    return {
        "id": 820982911946154508,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "test": False,
        "currency": "USD",
        "created_at": "2026-03-01T10:00:00-05:00",
        "processed_at": "2026-03-01T10:01:00-05:00",
        "updated_at": "2026-03-01T10:02:00-05:00",
        "cancelled_at": None,
        "closed_at": None,
        "financial_status": "paid",
        "fulfillment_status": None,
        "taxes_included": False,
        "total_line_items_price": "60.00",
        "total_price": "70.40",
        "total_shipping_price_set": money,
        "shipping_lines": [{"price": "10.00", "tax_lines": [{"price": "0.40"}]}],
        "discount_codes": [{"code": "SPRING", "amount": "5.00", "type": "fixed_amount"}],
        "line_items": [
            {
                "id": 1,
                "sku": "CUP-1",
                "title": "Cup",
                "name": "Cup - red",
                "vendor": "Kiln",
                "quantity": 2,
                "price": "20.00",
                "discount_allocations": [{"amount": "5.00"}],
                "tax_lines": [{"price": "2.00"}],
            },
            {
                "id": 2,
                "sku": "",
                "variant_id": 77,
                "title": "Pot",
                "quantity": 1,
                "price": "20.00",
                "tax_lines": [{"price": "3.00"}],
            },
        ],
        "customer": {"id": 115310627314723954, "email": "john@example.com"},
        "shipping_address": {
            "name": "Steve Shipper",
            "phone": "555-555-SHIP",
            "address1": "123 Shipping Street",
            "zip": "40003",
            "city": "Shippington",
            "province": "Kentucky",
            "country": "United States",
        },
        "note": "ring twice",
        "source_name": "web",
        "fulfillments": [],
        "refunds": [],
    }
