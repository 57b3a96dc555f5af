"""Addresses that bounced for good, and the way back for them."""

from __future__ import annotations

from fastapi import Response

from common.events.customers import Channel
from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from messaging.commands.bounces import lift_bounce

router = Router(tags=["permissions"])


@router.delete(
    "/v1/shops/{shop}/customers/{customer}/bounces/{channel}", dependencies=[require("messages:write")], status_code=204
)
async def delete_bounce(shop: ShopName, customer: Identifier, channel: Channel, tx: Tx) -> Response:
    """Write to this address again, as after a mistake of its provider; for every customer who has it. A new address
    needs no lifting."""
    await lift_bounce(tx, (shop, customer), channel, "api")
    return Response(status_code=204)
