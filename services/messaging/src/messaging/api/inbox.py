"""A customer's inbox in the shop's app: by the shop's key, or by a token for the customer's own device (MSG-018)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import orjson
from fastapi import Path, Query, Request
from pydantic import BaseModel, Field

from common.events import CustomerKey
from common.events.fields import Cursor, Identifier, ShopName
from common.events.messages import MessagePurpose
from common.http.api import Body, Router, Tx, public, require, runtime_of
from common.people.store import get_people
from common.refusals import NotFound
from common.values.links import link
from messaging.api import cursors
from messaging.api.written import house_of, opened, written
from messaging.commands.inbox import note_read
from messaging.consent.links import Recipient, UnsubscribeLinks
from messaging.coupons.store import get_coupons
from messaging.inbox.store import Place, count_unread, list_inbox
from messaging.inbox.tokens import InboxTokens
from messaging.known import get_reachable
from messaging.templates.store import get_approved

router = Router(tags=["inbox"])
Token = Annotated[str, Path(min_length=1, max_length=1_000, description="as POST …/inbox/token gave it")]
Limit = Annotated[int, Query(ge=1, le=100)]
Unread = Annotated[bool, Query(description="those alone that were not opened")]
_ANYBODY = public("the signed token names the customer, shows their own messages, and ends by itself")


class InboxTokenOver(NotFound):
    """A token that is not ours, or whose time is over."""

    def __init__(self) -> None:
        super().__init__(
            "inbox_token_over", "This token is not complete, or over: the shop asks for another at …/inbox/token."
        )


class InboxTokenIn(Body):
    """For how many hours the customer's device may ask."""

    hours: Annotated[int, Field(ge=1, le=720, strict=True)] = 24


class InboxTokenOut(BaseModel):
    """`url`: where the device asks, by GET, and at `…/unread` and `…/read`."""

    token: str
    url: str
    until: datetime


class InboxMessageOut(BaseModel):
    """`subject` and `text` as they stood when it was handed over; null where the text asks for what is gone.
    `unsubscribe_url`: of an offer or a survey, where the customer opts out.

    Neither flow nor campaign: their names say what the shop calls the customer (SEC-009). The shop finds them by
    `message_id` at …/messages.
    """

    message_id: str
    purpose: MessagePurpose
    at: datetime
    subject: str | None
    text: str | None
    unsubscribe_url: str | None
    read_at: datetime | None


class InboxOut(BaseModel):
    """The newest first. `unread`: of all, not of this page. `next_after` is null on the last page."""

    messages: list[InboxMessageOut]
    unread: int
    next_after: str | None


class UnreadOut(BaseModel):
    unread: int


class ReadIn(Body):
    """Which messages the customer opened; null: all."""

    messages: Annotated[tuple[Identifier, ...], Field(max_length=200)] | None


@router.post("/v1/shops/{shop}/customers/{customer}/inbox/token", dependencies=[require("messages:write")])
async def make_inbox_token(
    shop: ShopName, customer: Identifier, body: InboxTokenIn, tx: Tx, request: Request
) -> InboxTokenOut:
    """A token for the customer's own device, which the shop hands to whoever is logged in as the customer."""
    runtime = runtime_of(request)
    until = (tx.clock.now() + timedelta(hours=body.hours)).replace(microsecond=0)
    token = InboxTokens(runtime.master).token((shop, customer), until)
    return InboxTokenOut(token=token, url=f"{runtime.settings.public_url.rstrip('/')}/inbox/{token}", until=until)


@router.get("/v1/shops/{shop}/customers/{customer}/inbox", dependencies=[require("customers:reveal")])
async def list_customer_inbox(
    shop: ShopName,
    customer: Identifier,
    tx: Tx,
    request: Request,
    after: Cursor = "",
    limit: Limit = 50,
    unread: Unread = False,
) -> InboxOut:
    """The customer's messages as they read them."""
    return await _page(tx, request, (shop, customer), after, limit, unread=unread)


@router.get("/v1/shops/{shop}/customers/{customer}/inbox/unread", dependencies=[require("messages:read")])
async def count_customer_unread(shop: ShopName, customer: Identifier, tx: Tx) -> UnreadOut:
    """How many messages the customer has not opened."""
    people = (await get_people(tx, [(shop, customer)]))[(shop, customer)]
    return UnreadOut(unread=await count_unread(tx, people))


@router.post("/v1/shops/{shop}/customers/{customer}/inbox/read", dependencies=[require("messages:write")])
async def note_customer_read(shop: ShopName, customer: Identifier, body: ReadIn, tx: Tx) -> UnreadOut:
    """The customer opened messages; those of others are left out. Idempotent."""
    return UnreadOut(unread=await note_read(tx, (shop, customer), body.messages))


@router.get(link("inbox"), dependencies=[_ANYBODY])
async def list_own_inbox(
    token: Token, tx: Tx, request: Request, after: Cursor = "", limit: Limit = 50, unread: Unread = False
) -> InboxOut:
    """The messages of the customer whom the token names."""
    return await _page(tx, request, _whose(token, tx, request), after, limit, unread=unread)


@router.get(link("inbox", "/unread"), dependencies=[_ANYBODY])
async def count_own_unread(token: Token, tx: Tx, request: Request) -> UnreadOut:
    """How many of them were not opened."""
    key = _whose(token, tx, request)
    return UnreadOut(unread=await count_unread(tx, (await get_people(tx, [key]))[key]))


@router.post(link("inbox", "/read"), dependencies=[_ANYBODY])
async def note_own_read(token: Token, body: ReadIn, tx: Tx, request: Request) -> UnreadOut:
    """The customer opened messages. Idempotent."""
    return UnreadOut(unread=await note_read(tx, _whose(token, tx, request), body.messages))


def _whose(token: str, tx: Tx, request: Request) -> CustomerKey:
    key = InboxTokens(runtime_of(request).master).read(token, tx.clock.now())
    if key is None:
        raise InboxTokenOver
    return key


async def _page(tx: Tx, request: Request, key: CustomerKey, after: str, limit: int, *, unread: bool) -> InboxOut:
    known = (await get_reachable(tx, [key]))[key]
    if known.erased or known.contact is None:
        return InboxOut(messages=[], unread=0, next_after=None)
    runtime, contact, shop = runtime_of(request), known.contact, key[0]
    rows = await list_inbox(
        tx,
        known.people,
        cursors.read(after, Place),
        limit + 1,
        unread=unread,
    )
    shown, house = rows[:limit], await house_of(tx, shop, tx.clock.now())
    keys = await runtime.keys.keys_for(tx, known.people)
    name = opened(contact.name, contact, "name", keys)
    approved = await get_approved(tx, shop, {r.template for r in shown})
    links = UnsubscribeLinks(runtime.master, runtime.settings.public_url)
    people = {key: known.people}
    coupons = (await get_coupons(tx, people, shown[-1].sent_at))[key] if shown else []
    messages = []
    for r in shown:
        url = None if r.purpose == "transactional" else links.url(Recipient(shop, r.customer, "inbox"))
        then = next((v.document for v in reversed(approved.get(r.template, [])) if v.at <= r.sent_at), None)
        codes = [c.code for c in sorted(coupons, key=lambda c: (c.valid_until, c.code)) if c.usable(r.sent_at)]
        text = written(house, then, r.template, contact.language, name, orjson.loads(r.details), codes, url)
        messages.append(
            InboxMessageOut(
                message_id=r.message_id,
                purpose=r.purpose,
                at=r.sent_at,
                subject=text.subject if text is not None else None,
                text=text.text if text is not None else None,
                unsubscribe_url=url,
                read_at=r.read_at,
            )
        )
    upto = cursors.told(shown[-1].sent_at, shown[-1].message_id) if len(rows) > limit else None
    return InboxOut(messages=messages, unread=await count_unread(tx, known.people), next_after=upto)
