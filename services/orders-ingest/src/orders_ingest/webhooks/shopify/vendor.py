"""Shopify's deliveries: `X-Shopify-Hmac-SHA256` over the raw body, `X-Shopify-Webhook-Id`, `X-Shopify-Topic`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orders_ingest.webhooks.shopify.customers import consent_said, customer_said
from orders_ingest.webhooks.shopify.orders import order_said
from orders_ingest.webhooks.shopify.privacy import privacy_said
from orders_ingest.webhooks.shopify.products import product_said
from orders_ingest.webhooks.shopify.refunds import refund_said
from orders_ingest.webhooks.state import Delivery, Said, Shop
from orders_ingest.webhooks.vendor import Headers, NotSigned, hmac_fits

_ORDERS = frozenset(
    f"orders/{what}"
    for what in ("create", "updated", "edited", "paid", "partially_fulfilled", "fulfilled", "cancelled")
)
_PRODUCTS = frozenset({"products/create", "products/update"})
_CUSTOMERS = frozenset({"customers/create", "customers/update", "customers/enable", "customers/disable"})
_CONSENTS = frozenset({"customers_email_marketing_consent/update", "customers_marketing_consent/update"})
_PRIVACY = frozenset({"customers/data_request", "customers/redact", "shop/redact"})


class Shopify:
    """The secret is the app's client secret. Shopify sends again for hours, so there is no tolerance of time: a repeat
    is known by what it says."""

    name = "shopify"
    reply = None

    def check_secret(self, secret: str) -> None:
        if not 16 <= len(secret) <= 200 or not secret.isascii() or secret != secret.strip():
            raise ValueError("the client secret of the app, 16 to 200 characters of ASCII")

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: datetime) -> Delivery | None:
        if not hmac_fits(secrets, body, headers.get("x-shopify-hmac-sha256", "")):
            raise NotSigned
        topic = headers.get("x-shopify-topic", "")
        id_ = headers.get("x-shopify-webhook-id", "")
        if not topic or not id_:
            raise NotSigned("X-Shopify-Topic and X-Shopify-Webhook-Id are needed")
        return Delivery(id_, topic, body)

    def said(self, delivery: Delivery, shop: Shop) -> list[Said]:
        topic, body = delivery.topic, delivery.body
        if topic in _ORDERS:
            return order_said(body, paid_now=topic == "orders/paid")
        if topic == "refunds/create":
            return refund_said(body, shop.currency)
        if topic in _PRODUCTS:
            return product_said(body, shop.currency)
        if topic in _CUSTOMERS:
            return customer_said(body)
        if topic in _CONSENTS:
            return consent_said(body, "email" if topic in ("customers_email_marketing_consent/update",) else "sms")
        return privacy_said(topic, body) if topic in _PRIVACY else []
