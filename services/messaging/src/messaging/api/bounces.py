"""Addresses that bounced for good, and the way back for them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from common.events.fields import Identifier, ShopName
from common.events.messages import ContactBounceLifted
from common.http.api import Tx, require
from common.http.problems import Problem
from messaging.handlers import lift_bounce

router = APIRouter(tags=["permissions"])


class NothingBounced(Problem):
    def __init__(self) -> None:
        super().__init__(404, "nothing_bounced", "No address of this customer has bounced on this channel.")


@router.delete(
    "/v1/shops/{shop}/customers/{customer}/bounces/{channel}", dependencies=[require("messages:write")], status_code=204
)
async def delete_bounce(shop: ShopName, customer: Identifier, channel: Literal["email"], tx: Tx) -> Response:
    """Write to this address again, as after a mistake of its mail server; for every customer who has it. A new address
    needs no lifting."""
    if not await lift_bounce(tx, (shop, customer), ContactBounceLifted(channel=channel, via="api")):
        raise NothingBounced
    return Response(status_code=204)
