"""Tickets and their entries, written by revision; of one ticket or one person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.crypto.sealing import map_personal
from common.events import CustomerKey, Event
from common.events.feedback import TicketEvent
from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.tickets.columns import COLUMNS, columns_of
from feedback.tickets.state import Entry

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ENTRIES = Columns(
    "n",
    shop="text",
    customer="text",
    ticket_id="text",
    revision="bigint",
    entry_id="text",
    type="text",
    at="timestamptz",
    body="text",
)
_TICKETS = Columns(
    "n",
    shop="text",
    customer="text",
    ticket_id="text",
    revision="bigint",
    kind="text",
    state="text",
    priority="smallint",
    owner="text",
    order_id="text",
    opened_at="timestamptz",
    answered_at="timestamptz",
    resolved_at="timestamptz",
    answers="integer",
    reopened="integer",
    overdue="boolean",
    next_by="timestamptz",
    due_at="timestamptz",
    compensation="text",
    automatic_at="timestamptz",
    alone_at="timestamptz",
    body="text",
)


async def get_customer(tx: Transaction, shop: str, ticket_id: str) -> str | None:
    """The customer of a ticket; None where there is none."""
    row = await tx.fetch_one(
        "select customer from tickets where shop = :shop and ticket_id = :ticket_id", shop=shop, ticket_id=ticket_id
    )
    return None if row is None else str(row.customer)


async def get_ticket(tx: Transaction, shop: str, ticket_id: str) -> TicketEvent | None:
    """A ticket as it stands, texts encrypted."""
    row = await tx.fetch_one(
        "select cast(body as text) as body from tickets where shop = :shop and ticket_id = :ticket_id",
        shop=shop,
        ticket_id=ticket_id,
    )
    return None if row is None else TicketEvent.model_validate_json(row.body)


async def get_tickets_of(tx: Transaction, customers: Iterable[CustomerKey]) -> Sequence[Row[Any]]:
    """All tickets of these customers, with the columns that follow from `body`, a text."""
    columns = ", ".join(f"t.{name}" for name in ("shop", "customer", "ticket_id", "revision", *COLUMNS))
    return await tx.fetch(
        f"""
        select {columns}, cast(t.body as text) as body
        from {_CUSTOMERS} join tickets t on t.shop = w.shop and t.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )


async def list_entries_of(
    tx: Transaction, customers: Iterable[CustomerKey], ticket_id: str | None = None
) -> list[tuple[CustomerKey, Entry]]:
    """Entries of these customers' tickets, or of one ticket, by revision."""
    rows = await tx.fetch(
        f"""
        select e.shop, e.customer, e.type, e.at, cast(e.body as text) as body
        from {_CUSTOMERS} join ticket_entries e on e.shop = w.shop and e.customer = w.customer
        where cast(:ticket_id as text) is null or e.ticket_id = :ticket_id
        order by e.shop, e.customer, e.ticket_id, e.revision
        """,
        ticket_id=ticket_id,
        **_CUSTOMERS.of(customers),
    )
    return [((r.shop, r.customer), Entry(r.type, r.at, TicketEvent.model_validate_json(r.body))) for r in rows]


async def get_entry(tx: Transaction, customer: CustomerKey, ticket_id: str, entry_id: str) -> TicketEvent | None:
    """The ticket as this entry left it; None where there is no such entry."""
    row = await tx.fetch_one(
        """
        select cast(body as text) as body from ticket_entries
        where shop = :shop and customer = :customer and ticket_id = :ticket_id and entry_id = :entry_id
        """,
        shop=customer[0],
        customer=customer[1],
        ticket_id=ticket_id,
        entry_id=entry_id,
    )
    return None if row is None else TicketEvent.model_validate_json(row.body)


async def find_entry(tx: Transaction, people: Iterable[CustomerKey], entry_id: str) -> str | None:
    """The ticket of one person that has an entry of this id; None where none has."""
    row = await tx.fetch_one(
        f"""
        select e.ticket_id from {_CUSTOMERS}
        join ticket_entries e on e.shop = w.shop and e.customer = w.customer and e.entry_id = :entry_id limit 1
        """,
        entry_id=entry_id,
        **_CUSTOMERS.of(people),
    )
    return None if row is None else str(row.ticket_id)


async def find_open(
    tx: Transaction, people: Iterable[CustomerKey], order_id: str | None, kind: str | None
) -> str | None:
    """The person's ticket that was opened last of those not resolved, of that order and kind if they are named."""
    row = await tx.fetch_one(
        f"""
        select t.ticket_id from {_CUSTOMERS} join tickets t on t.shop = w.shop and t.customer = w.customer
        where t.state <> 'resolved' and (cast(:order_id as text) is null or t.order_id = :order_id)
          and (cast(:kind as text) is null or t.kind = :kind)
        order by t.opened_at desc, t.ticket_id limit 1
        """,
        order_id=order_id,
        kind=kind,
        **_CUSTOMERS.of(people),
    )
    return None if row is None else str(row.ticket_id)


async def save(tx: Transaction, events: Sequence[Event[TicketEvent]]) -> None:
    """Keep entries, and each ticket by its newest revision; texts encrypted, customers locked. Idempotent."""
    # A repetition, or our own topic read back, brings rows that stand.
    await tx.execute(
        f"""
        insert into ticket_entries (shop, customer, ticket_id, revision, entry_id, type, at, body)
        select shop, customer, ticket_id, revision, entry_id, type, at, cast(body as jsonb) from {_ENTRIES}
        on conflict do nothing
        """,
        **_ENTRIES.of(
            (*e.customer, e.data.ticket_id, e.data.revision, e.data.entry.entry_id, e.type, e.time, e.data.as_json())
            for e in events
        ),
    )
    newest: dict[tuple[CustomerKey, str], TicketEvent] = {}
    for event in events:
        known = newest.get((event.customer, event.data.ticket_id))
        if known is None or event.data.revision > known.revision:
            newest[event.customer, event.data.ticket_id] = event.data
    names = (*COLUMNS, "body")
    # The highest revision counts, in whatever order they come.
    await tx.execute(
        f"""
        insert into tickets as t (shop, customer, ticket_id, revision, {", ".join(names)})
        select shop, customer, ticket_id, revision, {", ".join(COLUMNS)}, cast(body as jsonb) from {_TICKETS}
        on conflict (shop, customer, ticket_id) do update
        set revision = excluded.revision, {", ".join(f"{name} = excluded.{name}" for name in names)}
        where excluded.revision > t.revision
        """,
        **_TICKETS.of(
            (*key, ticket_id, data.revision, *columns_of(data), data.as_json())
            for (key, ticket_id), data in newest.items()
        ),
    )


async def count_granted(
    tx: Transaction, people: Sequence[CustomerKey], ticket_id: str, order_id: str | None, since: datetime
) -> tuple[int, bool]:
    """Of the other tickets of one person (`people`), who is locked: how often something was granted by rule since then,
    and whether something was granted or proposed for that order."""
    # A customer has few tickets; by primary key.
    row = await tx.fetch_one(
        """
        select count(*) filter (where automatic_at > :since) as granted,
               coalesce(bool_or(order_id = :order_id and compensation in ('proposed', 'granted')), false) as same_order
        from tickets where shop = :shop and customer = any(:people) and ticket_id <> :ticket_id
        """,
        shop=people[0][0],
        people=[name for _, name in people],
        ticket_id=ticket_id,
        order_id=order_id,
        since=since,
    )
    assert row is not None  # an aggregate without a group has one row
    return row.granted, row.same_order


async def erase(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Forget what erased customers and agents wrote in their tickets (SEC-006); what remains names only their id."""
    for key, entry in await list_entries_of(tx, customers):
        await tx.execute(
            """
            update ticket_entries set body = cast(:body as jsonb)
            where shop = :shop and customer = :customer and ticket_id = :ticket_id and revision = :revision
            """,
            shop=key[0],
            customer=key[1],
            ticket_id=entry.data.ticket_id,
            revision=entry.data.revision,
            body=_without_texts(entry.data).as_json(),
        )
    for row in await get_tickets_of(tx, customers):
        await tx.execute(
            """
            update tickets set body = cast(:body as jsonb)
            where shop = :shop and customer = :customer and ticket_id = :ticket_id
            """,
            shop=row.shop,
            customer=row.customer,
            ticket_id=row.ticket_id,
            body=_without_texts(TicketEvent.model_validate_json(row.body)).as_json(),
        )


def _without_texts(ticket: TicketEvent) -> TicketEvent:
    return map_personal(ticket, lambda _text, _path: None)
