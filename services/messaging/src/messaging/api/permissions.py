"""Permissions, opt-outs and opt-ins."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from common.events import CustomerKey
from common.events.customers import Channel, Purpose
from common.events.fields import Identifier, ShopName, Text
from common.events.messages import ContactOptedIn, ContactOptedOut
from common.http.api import Body, Tx, require
from common.storage.database import Database
from messaging.consent.state import FAR, Standing
from messaging.contacts.addresses import get_address
from messaging.contacts.store import get_reachable
from messaging.delivery.queue.store import count_leaving
from messaging.handlers import change_permission

router = APIRouter(tags=["permissions"])
_LOOK_EVERY_S = 0.01
Via = Annotated[Text, Field(min_length=1, max_length=100, description="the way it was said: 1 to 100 characters")]


class OptOutIn(Body):
    """Without a purpose: everything but transactional messages on this channel."""

    customer: Identifier
    channel: Channel
    purpose: Purpose | None = None
    via: Via = "api"


class OptOutOut(BaseModel):
    """`taken_back`: how many messages were taken from the queue."""

    taken_back: int


class OptInIn(Body):
    customer: Identifier
    channel: Channel
    purpose: Purpose = "marketing"
    via: Via = "api"


class PermissionOut(BaseModel):
    """The statement that holds, made at `at`, in UTC."""

    channel: Channel
    purpose: Purpose
    standing: Standing
    at: datetime
    via: str | None
    said_for: Annotated[
        Literal["customer", "address"],
        Field(description="`customer`: under this customer id; `address`: under another id that has the same address"),
    ]


@router.get("/v1/shops/{shop}/customers/{customer}/permissions", dependencies=[require("messages:read")])
async def get_permissions(shop: ShopName, customer: Identifier, tx: Tx) -> list[PermissionOut]:
    """What holds for each channel and purpose, said for the customer or for their address, whichever is newer; where
    nothing is listed, nothing was ever allowed."""
    key = (shop, customer)
    register = (await get_reachable(tx, [key]))[key].register
    holding = [said for about in register.about() if (said := register.holding(*about, FAR)) is not None]
    return [
        PermissionOut(
            channel=said.channel, purpose=said.purpose, standing=said.standing, at=said.at, via=said.via,
            said_for="address" if register.by_address(said) else "customer",
        )
        for said in holding
    ]  # fmt: skip


@router.post("/v1/shops/{shop}/opt-outs", dependencies=[require("messages:write")])
async def post_opt_out(shop: ShopName, body: OptOutIn, request: Request) -> OptOutOut:
    """Effective when answered: nothing is handed off on this channel after the answer, to the customer or to any other
    customer id with the same address. `taken_back`: from the queue."""
    data = ContactOptedOut(channel=body.channel, purpose=body.purpose, via=body.via)
    return OptOutOut(taken_back=await opt_out(request.app.state.runtime.database, (shop, body.customer), data))


@router.post("/v1/shops/{shop}/opt-ins", status_code=204, dependencies=[require("messages:write")])
async def post_opt_in(shop: ShopName, body: OptInIn, tx: Tx) -> None:
    """Consent given anew, here and now, for the customer and for the address, whoever has it."""
    data = ContactOptedIn(channel=body.channel, purpose=body.purpose, via=body.via)
    await change_permission(tx, (shop, body.customer), data)


async def opt_out(database: Database, key: CustomerKey, data: ContactOptedOut) -> int:
    """Record the opt-out, then wait for the messages that were already leaving; returns how many were taken back.

    A sender looks at the register under the customer's lock before it leases. So after the commit nothing new is
    leased, and when what is leased has ended, nothing leaves any more; a lease lasts 45 s at the most.
    """
    taken = await database.run(lambda tx: change_permission(tx, key, data))
    while True:
        async with database.transaction() as tx:
            if await count_leaving(tx, key, await get_address(tx, key), data.channel) == 0:
                return len(taken)
        await asyncio.sleep(_LOOK_EVERY_S)
