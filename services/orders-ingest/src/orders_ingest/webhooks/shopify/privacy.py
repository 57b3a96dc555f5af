"""Shopify's three privacy topics, which every app must answer (SEC-006)."""

from __future__ import annotations

from orders_ingest.webhooks.state import PrivacyRequest, Said, UnreadableDelivery
from orders_ingest.webhooks.vendor import Payload, parsed


class _Customer(Payload):
    id: str | None = None


class Request(Payload):
    """What we read of customers/data_request, customers/redact and shop/redact."""

    shop_domain: str
    customer: _Customer | None = None


def privacy_said(topic: str, body: bytes) -> list[Said]:
    """Who asks for what."""
    request = parsed(Request, body)
    if topic == "shop/redact":
        return [PrivacyRequest("shop_redact", None)]
    if request.customer is None or not request.customer.id:
        raise UnreadableDelivery("/customer/id: is missing")
    return [PrivacyRequest("redact" if topic == "customers/redact" else "data_request", request.customer.id)]
