"""Pauses of a channel after a provider refused us: a list for operators, and a way to end one at once."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from common.events.customers import Channel
from common.events.fields import ShopName
from common.http.api import Tx, require
from common.refusals import NotFound
from messaging.delivery.store.pauses import end_pauses, list_pauses

router = APIRouter(tags=["operation"])


class NotPaused(NotFound):
    """Nothing is paused there."""

    def __init__(self, channel: str) -> None:
        super().__init__("not_paused", f"There is no such pause of {channel}; GET /ops/pauses lists them.")


class PauseOut(BaseModel):
    """`shop` is null where all shops are paused. `over`: the next hand-off ends the pause, or doubles it."""

    channel: Channel
    shop: str | None
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
            since=p.since,
            until=p.until,
            stage=p.stage,
            reason=p.reason,
            reply=p.reply,
            over=p.over,
        )
        for p in await list_pauses(tx)
    ]


@router.delete("/ops/pauses/{channel}", dependencies=[require("ops")], status_code=204)
async def delete_pause(channel: Channel, tx: Tx, shop: ShopName | None = None) -> Response:
    """End a pause once what was refused is mended; without `shop` the one of all shops."""
    if not await end_pauses(tx, channel, [shop or ""], running=True):
        raise NotPaused(channel)
    return Response(status_code=204)
