"""The vendors whose webhooks are taken; another one is a folder of its own and its name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from orders_ingest.webhooks.shopify.vendor import Shopify
from orders_ingest.webhooks.standard.vendor import Standard
from orders_ingest.webhooks.vendor import Vendor
from orders_ingest.webhooks.woocommerce.vendor import WooCommerce
from orders_ingest.webhooks.youzan.vendor import Youzan

_ALL: tuple[Vendor, ...] = (Standard(), Shopify(), WooCommerce(), Youzan())
VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in _ALL}
"""Each vendor by its name."""


def _known(name: str) -> str:
    if name not in VENDORS:
        raise ValueError(f"must be one of {', '.join(VENDORS)}")
    return name


VendorName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(VENDORS)})]
"""The name of a vendor that there is."""
