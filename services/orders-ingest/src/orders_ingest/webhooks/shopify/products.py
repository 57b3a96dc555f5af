"""Shopify's product in our words: one of ours for each of its variants, called as its lines in orders are."""

from __future__ import annotations

from typing import Any

from orders_ingest.webhooks.products import plain
from orders_ingest.webhooks.shopify.refunds import LineItem
from orders_ingest.webhooks.state import Said, SentProduct
from orders_ingest.webhooks.vendor import Amount, Payload, Time, joined, minor, parsed, present

_ONLY_VARIANT = "Default Title"


class _Image(Payload):
    src: str | None = None


class _Variant(Payload):
    id: str | None = None
    sku: str | None = None
    title: str | None = None
    price: Amount | None = None
    inventory_quantity: int | None = None


class Product(Payload):
    """What we read of it (webhooks of the topics products/create and products/update)."""

    id: str
    title: str
    body_html: str | None = None
    vendor: str | None = None
    product_type: str | None = None
    updated_at: Time
    image: _Image | None = None
    variants: tuple[_Variant, ...] = ()


def product_said(body: bytes, currency: str) -> list[Said]:
    """Prices are in the shop's currency: the payload names none."""
    product = parsed(Product, body)
    return [_variant(product, variant, currency) for variant in product.variants]


def _variant(product: Product, variant: _Variant, currency: str) -> SentProduct:
    sku = LineItem(sku=variant.sku, variant_id=variant.id, product_id=product.id, title=product.title).sold_as
    fields: dict[str, Any] = {
        "name": joined(product.title, None if variant.title == _ONLY_VARIANT else variant.title),
        "category": product.product_type,
        "brand": product.vendor,
        "description": plain(product.body_html),
        "image": product.image.src if product.image else None,
    }
    if variant.price is not None:
        fields |= {"price": minor(variant.price, currency), "currency": currency}
    if variant.inventory_quantity is not None:
        fields["stock"] = max(0, variant.inventory_quantity)
    return SentProduct(sku, product.updated_at, present(fields))
