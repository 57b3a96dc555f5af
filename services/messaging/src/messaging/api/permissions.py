"""Consent as it stands, opt-outs and opt-ins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from common.events.customers import Channel, Purpose
from common.events.fields import Identifier, ShopName, Text
from common.events.messages import ContactOptedIn, ContactOptedOut
from common.http.api import Body, Router, Tx, require
from messaging.commands.consent import change_permission, opt_out
from messaging.consent.state import FAR, ConsentState
from messaging.known import get_reachable

router = Router(tags=["permissions"])
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
    """The statement that holds, made at `at`, in UTC; `channel` may be one of another release."""

    channel: str
    purpose: Purpose
    state: ConsentState
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
            channel=said.channel,
            purpose=said.purpose,
            state=said.state,
            at=said.at,
            via=said.via,
            said_for="address" if register.by_address(said) else "customer",
        )
        for said in holding
    ]


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
