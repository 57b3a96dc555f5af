"""What customers say on social networks, told by the tool that watches them: each is one person's to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from common.events.fields import Identifier, PersonalText, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from messaging.commands.mentions import Mention, take_mention
from messaging.policy.state import Network

router = Router(tags=["social networks"])


class MentionIn(Body):
    """`mention_id`: the network's own name of it; told again it is the same. `url`: where it is to be answered."""

    network: Network
    kind: Literal["mention", "reply", "message"]
    mention_id: Identifier
    text: PersonalText
    url: Annotated[str, Field(max_length=1_000, pattern=r"^https://[!-~]+$")] | None = None


class MentionOut(BaseModel):
    """`owner`: who was asked to answer, until `due_at`: a staff task at feedback. `new`: it was not told before."""

    reply_id: str
    owner: str
    due_at: datetime
    new: bool


@router.post("/v1/shops/{shop}/customers/{customer}/mentions", dependencies=[require("messages:write")])
async def post_mention(shop: ShopName, customer: Identifier, body: MentionIn, tx: Tx, request: Request) -> MentionOut:
    """Keep it among the customer's replies, and ask the policy's `social_desk` to answer it. Idempotent."""
    mention = Mention(body.network, body.kind, body.mention_id, body.text, body.url)
    taken = await take_mention(tx, runtime_of(request).keys, (shop, customer), mention)
    return MentionOut(**taken._asdict())
