"""Customers by an address that is known: the address comes in the body, and is compared by its keyed hash."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from common.events.fields import Cursor, PersonalText, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.refusals import Invalid
from common.values.addresses import InvalidAddress
from messaging.contacts import store_search
from messaging.contacts.hashing import Hashing

router = Router(tags=["customers"])


class NoSuchAddress(Invalid):
    """What was sent cannot be an address of the channel."""

    def __init__(self, channel: str) -> None:
        super().__init__("invalid_address", f"`address` is none of the channel {channel!r}: send the whole address.")


class SearchIn(Body):
    """An address as a person writes it; capitals and the like make no difference."""

    channel: Literal["email", "chat", "sms"] = "email"
    address: PersonalText
    after: Cursor = ""
    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 50


class FoundOut(BaseModel):
    """In order of id; `next_after` is None on the last page."""

    customers: list[str]
    next_after: str | None


@router.post("/v1/shops/{shop}/customers/search", dependencies=[require("customers:read", recorded=True)])
async def search_customers(shop: ShopName, body: SearchIn, request: Request, tx: Tx) -> FoundOut:
    """The customers who have exactly this address now: data is encrypted, so that no part of it can be looked for.

    Nobody is found by an address that was replaced, nor after an erasure.
    """
    try:
        sought = Hashing(runtime_of(request).keys).sought(shop, body.channel, body.address)
    except InvalidAddress:
        raise NoSuchAddress(body.channel) from None
    found = await store_search.list_having(tx, shop, sought, body.after, body.limit + 1)
    page = found[: body.limit]
    return FoundOut(customers=page, next_after=page[-1] if len(found) > body.limit else None)
