"""The shop's messages as lists, and the text of one with everything personal left out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Cursor, Identifier, ShopName
from common.events.messages import MessagePurpose
from common.http.api import Router, Tx, require
from common.refusals import Invalid
from common.shops.settings import display_names, get_shop
from messaging.api import cursors
from messaging.api.decisions import UnknownMessage
from messaging.channels.registry import CHANNELS
from messaging.channels.sms.segments import segments_of
from messaging.policy.store import get_policies
from messaging.reports import coming
from messaging.templates.rendering import IncompleteText, render_with
from messaging.templates.store import get_own

router = Router(tags=["decisions"], dependencies=[require("messages:read")])
LOOK = 20_000
"""One page looks through so many messages at most, whatever is asked for."""
State = Literal["waiting", "held", "queued", "leased", "sent", "failed", "unknown", "suppressed"]
_PLAIN = {"name": "Name", "answer_url": "link"}
"""An ellipsis is beyond GSM-7, and would make every text count as UCS-2."""
ShortName = Annotated[str, Query(max_length=60, pattern="^[a-z0-9_]{1,60}$")]


class NoText(Invalid):
    """This release cannot write the message."""

    def __init__(self, flow: str, why: str) -> None:
        super().__init__("no_text", f"There is no whole text for a message of the flow {flow!r} here: {why}.")


class ListedOut(BaseModel):
    """`state`: as in the report. `reason`: of the newest decision, or of the attempt to send. Times in UTC."""

    message_id: str
    customer: str
    flow: str
    purpose: MessagePurpose
    channel: str
    state: State
    reason: str | None
    due_at: datetime
    release_at: datetime | None
    decided_at: datetime | None
    sent_at: datetime | None


class MessagesOut(BaseModel):
    """`next_after` is null when all were looked through. `as_of`: what the list was read at, in UTC.

    A page may hold fewer than `limit`, even none, and still have a `next_after`: it ends after 20,000 messages.
    """

    as_of: datetime
    messages: list[ListedOut]
    next_after: str | None


class PartsOut(BaseModel):
    """What the gateway charges for, of the text as shown: one character beyond GSM-7 makes all of it UCS-2."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    parts: int


class TextOut(BaseModel):
    """`subject` and `text` with `…` for the name and for links, which are the customer's own. Of a text message the
    subject is empty, and `segments` says in how many parts it goes, with `Name` and `link` in those places."""

    flow: str
    language: Literal["en", "zh"]
    subject: str
    text: str
    segments: PartsOut | None = None


@router.get("/v1/shops/{shop}/messages")
async def list_messages(
    shop: ShopName,
    tx: Tx,
    which: coming.Which = "coming",
    state: State | None = None,
    reason: ShortName | None = None,
    flow: ShortName | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MessagesOut:
    """`coming`: what is still to be decided, the soonest first. `decided`: what went or did not go, the newest first.

    A held message is coming: it is decided again at its `release_at`.
    """
    asked = {"state": state, "reason": reason, "flow": flow}
    wanted = {name: value for name, value in asked.items() if value is not None}
    found = await coming.list_messages(
        tx,
        shop,
        which,
        wanted,
        cursors.read(after, coming.Place),
        limit,
        LOOK,
    )
    upto = cursors.told(found.upto.at, found.upto.message_id) if found.upto is not None else None
    rows = [ListedOut.model_validate(dict(r._mapping)) for r in found.rows]
    return MessagesOut(as_of=tx.clock.now(), messages=rows, next_after=upto)


@router.get("/v1/shops/{shop}/messages/{message_id}/text")
async def get_text(shop: ShopName, message_id: Identifier, tx: Tx, language: Literal["en", "zh"] = "en") -> TextOut:
    """What the message says, or would say if it left now; nothing personal is opened for it."""
    row = await coming.get_details(tx, shop, message_id)
    if row is None:
        raise UnknownMessage(message_id)
    policy = (await get_policies(tx, [shop]))[shop].policy
    own = (await get_own(tx, [shop], [row.template])).get((shop, row.template))
    if own is not None:  # the text alone; a link that is left out is none in HTML
        own = own.model_copy(update={"texts": {k: t.model_copy(update={"html": None}) for k, t in own.texts.items()}})
    names = await display_names(tx, [shop], tx.clock.now())
    details = orjson.loads(row.details)
    sender = CHANNELS.get(row.channel)
    short = sender is not None and sender.short
    values = details | {
        "name": "…",
        "shop_name": policy.sender_name or names[shop],
        "unsubscribe_url": None if row.purpose == "transactional" else "…",
        "answers_read": policy.reads_answers,
        "zone": (await get_shop(tx, shop)).at(tx.clock.now()).zone,
        **({"answer_url": "…"} if "answer_url" in details else {}),
    }
    try:
        written = render_with(own, row.template, language, values, short=short)
        counted = render_with(own, row.template, language, values | _PLAIN, short=True).text if short else None
    except IncompleteText as error:
        raise NoText(row.flow, str(error)) from None
    segments = PartsOut(**segments_of(counted)._asdict()) if counted is not None else None
    return TextOut(flow=row.flow, language=language, subject=written.subject, text=written.text, segments=segments)
