"""What customers wrote back, the newest first; the words of one customer with a right of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel

from common.crypto.sealing import SealBroken, open_sealed
from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Router, Tx, require, runtime_of
from common.people.store import get_people
from messaging.api import cursors
from messaging.commands.vips import vips_among
from messaging.replies.store import Place, Reply, list_replies

router = Router(tags=["replies"])
Limit = Annotated[int, Query(ge=1, le=200)]


class ReplySummary(BaseModel):
    """`said`: what it was taken for: an opt-out, an opt-in, or anything else, which somebody should read. `vip`: the
    customer is one of the policy's `vip_desk`. `message_id`: the message that it answers, where that is known."""

    reply_id: str
    customer: str
    at: datetime
    channel: str
    said: Literal["out", "in", "other"]
    vip: bool
    message_id: str | None


class RepliesOut(BaseModel):
    replies: list[ReplySummary]
    next_after: str | None


class ReplyText(ReplySummary):
    """`text` is null where it cannot be opened: the customer was erased."""

    text: str | None


class ReplyTextsOut(BaseModel):
    replies: list[ReplyText]
    next_after: str | None


@router.get("/v1/shops/{shop}/replies", dependencies=[require("messages:read")])
async def list_shop_replies(shop: ShopName, tx: Tx, after: Cursor = "", limit: Limit = 50) -> RepliesOut:
    """All replies of the shop's customers, without their words."""
    found = await list_replies(tx, shop, None, cursors.read(after, Place), limit)
    vips = await vips_among(tx, shop, [r.key[1] for r in found], tx.clock.now())
    return RepliesOut(replies=[_summary(r, vips) for r in found], next_after=_next(found, limit))


@router.get("/v1/shops/{shop}/customers/{customer}/replies", dependencies=[require("customers:reveal")])
async def list_customer_replies(
    shop: ShopName, customer: Identifier, tx: Tx, request: Request, after: Cursor = "", limit: Limit = 50
) -> ReplyTextsOut:
    """The person's replies with their words, under all identifiers."""
    people = (await get_people(tx, [(shop, customer)]))[shop, customer]
    found = await list_replies(tx, shop, [name for _, name in people], cursors.read(after, Place), limit)
    keys = await runtime_of(request).keys.keys_for(tx, people)
    vips = await vips_among(tx, shop, [r.key[1] for r in found], tx.clock.now())
    out = []
    for reply in found:
        text, key = None, keys.get(reply.key)
        if reply.text is not None and key is not None:
            try:
                text = open_sealed(reply.text, key.key, *reply.key, "text")
            except SealBroken:
                text = None
        out.append(ReplyText(**_summary(reply, vips).model_dump(), text=text))
    return ReplyTextsOut(replies=out, next_after=_next(found, limit))


def _summary(r: Reply, vips: set[str]) -> ReplySummary:
    return ReplySummary.model_validate(
        {
            "reply_id": r.reply_id,
            "customer": r.key[1],
            "at": r.at,
            "channel": r.channel,
            "said": r.said,
            "vip": r.key[1] in vips,
            "message_id": r.about,
        }
    )


def _next(found: list[Reply], limit: int) -> str | None:
    return cursors.told(found[-1].at, found[-1].reply_id) if len(found) == limit else None
