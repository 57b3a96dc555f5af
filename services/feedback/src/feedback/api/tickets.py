"""Tickets: opened by the shop's systems, worked on by its agents, listed as their queue (FBK-027 to FBK-041)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from common.crypto.keys import KeyRing
from common.events.feedback import ContentEvent, TicketEvent
from common.events.fields import Cursor, Identifier, ShopName, Text
from common.http.api import Router, Tx, require
from common.http.people import identifiers_of
from feedback.api.ticket_cursor import place_of
from feedback.api.ticket_models import (
    ArticleOut,
    EntryIn,
    EntryOut,
    TicketIn,
    TicketOut,
    TicketPage,
    WholeTicketOut,
    claim_of,
    ticket_out,
)
from feedback.commands import tickets as command
from feedback.tickets import store, store_queue
from feedback.tickets.refusals import UnknownTicket
from feedback.tickets.told import NewTicket, Step
from feedback.ugc.rules import OF_THE_SHOP, select
from feedback.ugc.store import list_approved

router = Router(prefix="/v1/shops/{shop}", tags=["tickets"])
MOST_ARTICLES = 5


@router.post("/tickets", status_code=201, dependencies=[require("feedback:write")])
async def post_ticket(shop: ShopName, body: TicketIn, request: Request, response: Response, tx: Tx) -> TicketOut:
    """Open a ticket; 201 when it is new, 200 when the very same was opened before."""
    fields = body.model_dump(exclude={"customer"}) | {"photos": body.photos, "claim": claim_of(body.claim)}
    done = await command.open_one(
        tx, _keys(request), (shop, body.customer), NewTicket(**fields), tx.clock.now(), hears=True
    )
    response.status_code = 201 if done.new else 200
    return ticket_out(body.customer, done.ticket)


@router.post("/tickets/{ticket_id}/entries", status_code=201, dependencies=[require("feedback:write")])
async def post_entry(
    shop: ShopName, ticket_id: Identifier, body: EntryIn, request: Request, response: Response, tx: Tx
) -> TicketOut:
    """Do something with a ticket; 201 when it is new, 200 when the very same was done before."""
    step = Step(**body.model_dump(exclude={"revision"}) | {"photos": body.photos, "claim": claim_of(body.claim)})
    done = await command.do(tx, _keys(request), shop, ticket_id, step, body.revision, hears=True)
    response.status_code = 201 if done.new else 200
    return ticket_out(await _customer(tx, shop, ticket_id), done.ticket)


@router.get("/tickets", dependencies=[require("feedback:read")])
async def list_tickets(
    shop: ShopName,
    request: Request,
    tx: Tx,
    customer: Annotated[
        Identifier | None, Query(description="all of this customer's, by id, resolved ones too")
    ] = None,
    owner: Annotated[Text | None, Query(description="of the queue, those of this owner")] = None,
    overdue: Annotated[bool, Query(description="of the queue, those of which a due passed unmet")] = False,
    to_approve: Annotated[bool, Query(description="of the queue, those with a compensation to decide on")] = False,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TicketPage:
    """The queue of open tickets: by priority, then by what is due first; or a customer's tickets (FBK-032, FBK-034)."""
    if customer is not None:
        people = await identifiers_of(tx, shop, customer)
        rows = await store_queue.list_customers_tickets(tx, shop, people, after, limit + 1)
    else:
        place = place_of(after) if after else None
        rows = await store_queue.list_queue(
            tx, shop, place, limit + 1, owner=owner, overdue=overdue, to_approve=to_approve
        )
    stored = [((shop, row.customer), TicketEvent.model_validate_json(row.body)) for row in rows[:limit]]
    tickets = await command.readable_all(tx, _keys(request), stored)
    items = [ticket_out(row.customer, ticket) for row, ticket in zip(rows, tickets, strict=False)]
    if len(rows) <= limit:
        return TicketPage(items=items, after=None)
    last = rows[limit - 1]
    if customer is not None:
        return TicketPage(items=items, after=items[-1].ticket_id)
    return TicketPage(items=items, after=f"{last.priority} {last.next_by.isoformat()} {items[-1].ticket_id}")


@router.get("/tickets/{ticket_id}", dependencies=[require("feedback:read")])
async def get_ticket(shop: ShopName, ticket_id: Identifier, request: Request, tx: Tx) -> WholeTicketOut:
    """A ticket with everything that was done with it, oldest first."""
    customer = await _customer(tx, shop, ticket_id)
    entries = await store.list_entries_of(tx, [(shop, customer)], ticket_id)
    tickets = await command.readable_all(tx, _keys(request), [(key, entry.data) for key, entry in entries])
    seen = list(zip((entry.at for _, entry in entries), tickets, strict=True))
    return WholeTicketOut(
        **dict(ticket_out(customer, seen[-1][1])),
        articles=await _articles(tx, shop, seen[-1][1].sku),
        entries=[EntryOut(revision=ticket.revision, at=at, **ticket.entry.model_dump()) for at, ticket in seen],
    )


async def _articles(tx: Tx, shop: str, sku: str | None) -> list[ArticleOut]:
    """Of the product's approved content what is the shop's own, as it stands in the library."""
    rows = await list_approved(tx, shop, OF_THE_SHOP, sku) if sku is not None else []
    own = [ContentEvent.model_validate_json(row.body) for row in rows if not row.customer]
    return [
        ArticleOut(content_id=one.content_id, kind=one.kind, title=one.title, link=one.link)
        for one in select(own, "anybody")[:MOST_ARTICLES]
        if one.title is not None and one.link is not None
    ]


async def _customer(tx: Tx, shop: str, ticket_id: str) -> str:
    found = await store.get_customer(tx, shop, ticket_id)
    if found is None:
        raise UnknownTicket(ticket_id)
    return found


def _keys(request: Request) -> KeyRing:
    keys: KeyRing = request.app.state.runtime.keys
    return keys
