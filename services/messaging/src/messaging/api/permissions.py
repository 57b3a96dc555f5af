"""Who may be written to, and how is a yes or a no taken?"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from common.api import Body, Tx, require
from common.db import CustomerKey, Database
from common.events.customers import Channel, Purpose
from common.events.fields import Identifier, ShopName, Text
from common.events.messages import ContactOptedIn, ContactOptedOut
from messaging.handlers import change_permission
from messaging.store import reading
from messaging.store.queue import count_leaving

router = APIRouter(tags=["permissions"])
_LOOK_EVERY_S = 0.01


class OptOutIn(Body):
    """Without a purpose: everything but transactional messages on this channel."""

    customer: Identifier
    channel: Channel
    purpose: Purpose | None = None
    via: Annotated[Text, Field(min_length=1, max_length=100)] = "api"


class OptOutOut(BaseModel):
    """`taken_back`: how many messages were taken from the queue."""

    taken_back: int


class OptInIn(Body):
    customer: Identifier
    channel: Channel
    purpose: Purpose = "marketing"
    via: Annotated[Text, Field(min_length=1, max_length=100)] = "api"


class PermissionOut(BaseModel):
    """The statement that holds, made at `at`, in UTC."""

    channel: str
    purpose: str
    standing: str
    at: datetime
    via: str | None


@router.get("/v1/shops/{shop}/customers/{customer}/permissions", dependencies=[require("messages:read")])
async def get_permissions(shop: ShopName, customer: Identifier, tx: Tx) -> list[PermissionOut]:
    """What holds for each channel and purpose; where nothing is listed, nothing was ever allowed."""
    rows = await reading.list_permissions(tx, shop, customer)
    return [PermissionOut.model_validate(dict(r._mapping)) for r in rows]


@router.post("/v1/shops/{shop}/opt-outs", dependencies=[require("messages:write")])
async def post_opt_out(shop: ShopName, body: OptOutIn, request: Request) -> OptOutOut:
    """Effective when answered: nothing is handed off on this channel after the answer. `taken_back`: from the queue."""
    data = ContactOptedOut(channel=body.channel, purpose=body.purpose, via=body.via)
    return OptOutOut(taken_back=await opt_out(request.app.state.runtime.database, (shop, body.customer), data))


@router.post("/v1/shops/{shop}/opt-ins", status_code=204, dependencies=[require("messages:write")])
async def post_opt_in(shop: ShopName, body: OptInIn, tx: Tx) -> None:
    """Consent given anew, here and now."""
    data = ContactOptedIn(channel=body.channel, purpose=body.purpose, via=body.via)
    await change_permission(tx, (shop, body.customer), data)


async def opt_out(database: Database, key: CustomerKey, data: ContactOptedOut) -> int:
    """Record the opt-out, then wait for the messages that were already leaving; returns how many were taken back.

    A sender looks at the register under the customer's lock before it leases. So after the commit nothing new is
    leased, and when what is leased has ended, nothing leaves any more; a lease lasts 45 s at the most.
    """
    async with database.transaction() as tx:
        taken = await change_permission(tx, key, data)
    while True:
        async with database.transaction() as tx:
            if await count_leaving(tx, key, data.channel) == 0:
                return len(taken)
        await asyncio.sleep(_LOOK_EVERY_S)
