"""WooCommerce's product in our words, called as its lines in orders are."""

from __future__ import annotations

from typing import Any

from orders_ingest.webhooks.products import plain
from orders_ingest.webhooks.state import Said, SentProduct
from orders_ingest.webhooks.vendor import Payload, minor, parsed, present
from orders_ingest.webhooks.woocommerce.customers import GmtTime, Title
from orders_ingest.webhooks.woocommerce.orders import OptionalAmount


class _Named(Payload):
    name: Title | None = None
    src: str | None = None


class Product(Payload):
    """What we read of it (REST API v3, webhooks of the topics product.created, updated and restored)."""

    id: str
    status: str | None = None
    name: Title
    sku: str | None = None
    description: str | None = None
    short_description: str | None = None
    price: OptionalAmount = None
    stock_quantity: int | None = None
    date_modified_gmt: GmtTime
    categories: tuple[_Named, ...] = ()
    images: tuple[_Named, ...] = ()


def product_said(body: bytes, currency: str) -> list[Said]:
    """Prices are in the shop's currency; nothing of a draft."""
    product = parsed(Product, body)
    if product.status in ("draft", "auto-draft", "trash"):
        return []
    fields: dict[str, Any] = {
        "name": product.name,
        "category": next((one.name for one in product.categories), None),
        "description": plain(product.description) or plain(product.short_description),
        "image": next((one.src for one in product.images), None),
    }
    if product.price is not None:
        fields |= {"price": max(0, minor(product.price, currency)), "currency": currency}
    if product.stock_quantity is not None:
        fields["stock"] = max(0, product.stock_quantity)
    return [SentProduct(product.sku or product.id, product.date_modified_gmt, present(fields))]
