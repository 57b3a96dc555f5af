"""WooCommerce's deliveries: `X-WC-Webhook-Signature` over the raw body, `X-WC-Webhook-Topic`, `…-Delivery-ID`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from orders_ingest.webhooks.state import Delivery, Said, Shop
from orders_ingest.webhooks.vendor import Headers, NotSigned, hmac_fits
from orders_ingest.webhooks.woocommerce.customers import customer_said
from orders_ingest.webhooks.woocommerce.orders import order_said
from orders_ingest.webhooks.woocommerce.products import product_said

_PROBE = re.compile(rb"webhook_id=[0-9]{1,12}")


class WooCommerce:
    """The secret is the one typed in at the webhook. When it is saved a probe comes, unsigned and without an event."""

    name = "woocommerce"
    reply = None

    def check_secret(self, secret: str) -> None:
        if not 16 <= len(secret) <= 200 or not secret.isascii() or secret != secret.strip():
            raise ValueError("the webhook's secret, 16 to 200 characters of ASCII")

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: datetime) -> Delivery | None:
        if _PROBE.fullmatch(body):
            return None
        if not hmac_fits(secrets, body, headers.get("x-wc-webhook-signature", "")):
            raise NotSigned
        topic, id_ = headers.get("x-wc-webhook-topic", ""), headers.get("x-wc-webhook-delivery-id", "")
        if not topic or not id_:
            raise NotSigned("X-WC-Webhook-Topic and X-WC-Webhook-Delivery-ID are needed")
        return Delivery(id_, topic, body)

    def said(self, delivery: Delivery, shop: Shop) -> list[Said]:
        if delivery.topic in ("order.created", "order.updated", "order.restored"):
            return order_said(delivery.body)
        if delivery.topic in ("customer.created", "customer.updated"):
            return customer_said(delivery.body)
        if delivery.topic in ("product.created", "product.updated", "product.restored"):
            return product_said(delivery.body, shop.currency)
        return []
