"""Messages in doubt: a list for operators to ask the provider's log about, and what it said."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from common.events.fields import Cursor, Identifier, ShopName
from common.events.messages import MessagePurpose
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff, vouched
from messaging.commands.doubt import tell
from messaging.delivery.store.doubt import list_unknown

router = Router(tags=["operation"])


class DoubtOut(BaseModel):
    """One message that a provider may have taken; `decided_at` in UTC, shortly before it was handed over."""

    shop: str
    message_id: str = Field(description="of a mail the first part of its Message-ID; a gateway's log has it as ours")
    channel: str
    flow: str
    purpose: MessagePurpose
    decided_at: datetime
    reason: str | None = Field(
        description="no_reply: the provider did not answer; sender_died: our process did not; before_restore: it was"
        " being handed over at the instant to which the databases were restored"
    )
    attempts: int


class DoubtIn(Body):
    """`taken`: whether the provider's log has the message; `by` looked into it, without it `api` did."""

    taken: bool
    by: Staff | None = None


@router.get("/ops/doubt", dependencies=[require("ops")])
async def get_doubt(
    tx: Tx, shop: Cursor = "", message_id: Cursor = "", limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[DoubtOut]:
    """Messages of which nobody knows whether they were sent; a page after the one named."""
    return [DoubtOut.model_validate(dict(r._mapping)) for r in await list_unknown(tx, (shop, message_id), limit)]


@router.post("/ops/doubt/{shop}/{message_id}", dependencies=[require("ops", recorded=True)], status_code=204)
async def post_doubt(shop: ShopName, message_id: Identifier, body: DoubtIn, tx: Tx) -> Response:
    """Tell what the provider's log says of one: it is kept and announced, and the message in doubt no more. Nothing is
    sent again; what the provider says itself counts, whenever it comes."""
    await tell(tx, shop, message_id, taken=body.taken, by=body.by or vouched("api"))
    return Response(status_code=204)
