"""Addresses that bounced for good, and the way back for them."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel

from common.events.customers import Channel
from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from common.http.staff import Staff, vouched
from messaging.commands.bounces import lift_bounce
from messaging.contacts.store_bounces import list_bounces

router = Router(tags=["permissions"])


class BounceOut(BaseModel):
    """The address that the customer has now bounced for good at `at`, in UTC: nothing is sent to it."""

    channel: str
    at: datetime


@router.get("/v1/shops/{shop}/customers/{customer}/bounces", dependencies=[require("messages:read")])
async def get_bounces(shop: ShopName, customer: Identifier, tx: Tx) -> list[BounceOut]:
    """Channels on which the customer's address bounced; none of an address that was replaced or freed since."""
    return [BounceOut(channel=row.channel, at=row.at) for row in await list_bounces(tx, (shop, customer))]


@router.delete(
    "/v1/shops/{shop}/customers/{customer}/bounces/{channel}", dependencies=[require("messages:write")], status_code=204
)
async def delete_bounce(
    shop: ShopName,
    customer: Identifier,
    channel: Channel,
    tx: Tx,
    by: Staff | None = None,
) -> Response:
    """Write to this address again, as after a mistake of its provider; for every customer who has it. A new address
    needs no lifting. `by` stands in the event; without it, `api` does."""
    await lift_bounce(tx, (shop, customer), channel, by or vouched("api"))
    return Response(status_code=204)
