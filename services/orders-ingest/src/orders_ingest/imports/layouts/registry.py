"""The layouts that there are; another one is a module of its own and its name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from orders_ingest.imports.layouts import cdnow, online_retail, shopify, woocommerce
from orders_ingest.imports.layouts.layout import Layout
from orders_ingest.imports.layouts.orders import reading as orders

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        cdnow.SAMPLE,
        cdnow.MASTER,
        online_retail.LAYOUT,
        orders.LAYOUT,
        shopify.LAYOUT,
        woocommerce.LAYOUT,
    )
}
"""Each layout by its name."""


def _known(name: str) -> str:
    if name not in LAYOUTS:
        raise ValueError(f"must be one of {', '.join(LAYOUTS)}")
    return name


LayoutName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(LAYOUTS)})]
"""The name of a layout that there is."""
