"""Lists of orders of a shop's own system, by whose API what was missed is found: where they are, and their secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import ShopName
from common.http.api import Body, Router, Tx, require
from common.refusals import Invalid
from orders_ingest.api.parts import vault_of
from orders_ingest.reconciliation import store_lists
from orders_ingest.reconciliation.lists.protocol import InvalidSource, Source
from orders_ingest.reconciliation.lists.registry import LISTS, ListName

_SHOWN = "shpat_0123456789abcdef0123"


class OrderListIn(Body):
    """Shopify: `https://<shop>.myshopify.com` and the access token of an app that may read orders. WooCommerce: the
    shop's address, and `ck_…:cs_…` of a key that may read. `daily`: the last three days are compared each night."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"address": "https://teahouse.myshopify.com", "secret": _SHOWN, "daily": True}]}
    )
    address: Annotated[str, Field(min_length=1, max_length=2_000)]
    secret: Annotated[str, Field(min_length=1, max_length=300, repr=False)]
    daily: bool = False


class OrderListOut(BaseModel):
    """A list that may be asked for, connected `since`; its secret is shown never."""

    vendor: str
    address: str
    daily: bool
    since: datetime


async def _lists(tx: Tx, shop: str) -> list[OrderListOut]:
    return [
        OrderListOut(vendor=each.vendor, address=each.address, daily=each.daily, since=each.since)
        for each in await store_lists.list_lists(tx, shop)
    ]


def routes(private_hosts: Callable[[], bool]) -> APIRouter:
    """The routes; `private_hosts`: whether hosts of private networks may be asked."""
    router = Router(prefix="/v1/shops/{shop}/order-lists", tags=["orders"])

    @router.put("/{vendor}", dependencies=[require("settings:write")])
    async def put_order_list(
        shop: ShopName, vendor: ListName, body: OrderListIn, request: Request, tx: Tx
    ) -> list[OrderListOut]:
        """Connect the list of orders of a shop's system. The secret is sealed where it is kept; nothing is asked yet:
        `POST …/reconciliations` with `polled` begins a comparison."""
        try:
            source = LISTS[vendor].check(Source(body.address, body.secret), private=private_hosts())
        except InvalidSource as error:
            raise Invalid("invalid_order_list", f"The list is not connected. {error}") from None
        await store_lists.put_list(tx, vault_of(request.app), shop, vendor, source, daily=body.daily)
        return await _lists(tx, shop)

    @router.get("", dependencies=[require("settings:read")])
    async def list_order_lists(shop: ShopName, tx: Tx) -> list[OrderListOut]:
        """The lists that may be asked for."""
        return await _lists(tx, shop)

    @router.delete("/{vendor}", status_code=204, dependencies=[require("settings:write")])
    async def delete_order_list(shop: ShopName, vendor: ListName, tx: Tx) -> None:
        """Forget the address and the secret; a comparison that is under way ends and says so. Again is harmless."""
        await store_lists.remove_list(tx, shop, vendor)

    return router
