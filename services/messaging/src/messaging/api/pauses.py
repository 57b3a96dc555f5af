"""Pauses of a channel after a provider refused us: a list for operators, and a way to end one at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel

from common.events.fields import ShopName
from common.events.messages import AnyChannel
from common.http.api import Router, Tx, require
from common.refusals import NotFound
from messaging.delivery.state import Place
from messaging.delivery.store.pauses import end_address_pause, end_pauses, list_pauses

AddressHash = Annotated[str, Query(pattern=r"^[0-9a-f]{32}$", max_length=32)]
router = Router(tags=["operation"])


class NotPaused(NotFound):
    """Nothing is paused there."""

    def __init__(self, channel: str) -> None:
        super().__init__("not_paused", f"There is no such pause of {channel}; GET /ops/pauses lists them.")


class PauseOut(BaseModel):
    """`shop` is null where all shops are paused; `address` is the hash of the one address that is, in hex.

    `over`: the next hand-off ends the pause, or doubles it."""

    channel: str
    shop: str | None
    address: str | None
    since: datetime
    until: datetime
    stage: str
    reason: str
    reply: str
    over: bool


@router.get("/ops/pauses", dependencies=[require("ops")])
async def get_pauses(tx: Tx) -> list[PauseOut]:
    """Channels on which nothing is handed off for now, with the stage and the words of the refusal. Times in UTC."""
    return [
        PauseOut(
            channel=p.channel,
            shop=p.shop or None,
            address=p.address.hex() or None,
            since=p.since,
            until=p.until,
            stage=p.stage,
            reason=p.reason,
            reply=p.reply,
            over=p.over,
        )
        for p in await list_pauses(tx, addresses=True)
    ]


@router.delete("/ops/pauses/{channel}", dependencies=[require("ops")], status_code=204)
async def delete_pause(
    channel: AnyChannel, tx: Tx, shop: ShopName | None = None, address: AddressHash | None = None
) -> Response:
    """End a pause once what was refused is mended; without `shop` the one of all shops, with `address` the one of an
    address of that shop."""
    if address is not None:
        ended = await end_address_pause(tx, channel, Place(shop or "", bytes.fromhex(address)))
    else:
        ended = await end_pauses(tx, channel, [shop or ""], running=True)
    if not ended:
        raise NotPaused(channel)
    return Response(status_code=204)
