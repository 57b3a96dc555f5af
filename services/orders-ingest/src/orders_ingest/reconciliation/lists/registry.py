"""The systems whose lists of orders can be asked for; another one is a file of its own and its name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from orders_ingest.reconciliation.lists.protocol import OrderList
from orders_ingest.reconciliation.lists.shopify import ShopifyList
from orders_ingest.reconciliation.lists.woocommerce import WooCommerceList

_ALL: tuple[OrderList, ...] = (ShopifyList(), WooCommerceList())
LISTS: dict[str, OrderList] = {each.name: each for each in _ALL}


def _known(name: str) -> str:
    if name not in LISTS:
        raise ValueError(f"must be one of {', '.join(LISTS)}")
    return name


ListName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(LISTS)})]
"""The name of a system whose list can be asked for."""
