"""Inboxes in rows: messages of the channel `inbox` that were handed over, with what the customer opened of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_OF = Columns("w", shop="text", customer="text")
_READ = """exists (select from receipts r where r.shop = m.shop and r.customer = m.customer
    and r.message_id = m.message_id and r.said = 'read')"""


class Place(NamedTuple):
    """Where a page ended: when the message was handed over, and its name."""

    at: datetime
    message_id: str


async def list_inbox(
    tx: Transaction, people: Sequence[CustomerKey], after: Place | None, limit: int, *, unread: bool
) -> Sequence[Row[Any]]:
    """The person's messages under all identifiers, the newest first; `unread`: those alone that were not opened."""
    # By primary key: a customer's messages are few.
    return await tx.fetch(
        f"""
        select m.customer, m.message_id, m.purpose, m.sent_at, c.template, cast(c.details as text) as details,
            (select r.at from receipts r where r.shop = m.shop and r.customer = m.customer
                and r.message_id = m.message_id and r.said = 'read') as read_at
        from {_OF} join messages m using (shop, customer) join candidates c using (shop, customer, message_id)
        where m.channel = 'inbox' and m.state = 'sent' and (not :unread or not {_READ})
            and (cast(:at as timestamptz) is null
                or (m.sent_at, m.message_id) < (cast(:at as timestamptz), cast(:message_id as text)))
        order by m.sent_at desc, m.message_id desc limit :limit
        """,
        **_OF.of(people),
        unread=unread,
        at=after.at if after is not None else None,
        message_id=after.message_id if after is not None else "",
        limit=limit,
    )


async def count_unread(tx: Transaction, people: Sequence[CustomerKey]) -> int:
    """How many messages the person has not opened."""
    # By primary key.
    return int(
        await tx.value(
            f"""
            select count(*) from {_OF} join messages m using (shop, customer)
            where m.channel = 'inbox' and m.state = 'sent' and not {_READ}
            """,
            **_OF.of(people),
        )
    )


async def list_ids(tx: Transaction, people: Sequence[CustomerKey], upto: datetime) -> list[str]:
    """The person's messages that were handed over up to then and not opened."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select m.message_id from {_OF} join messages m using (shop, customer)
        where m.channel = 'inbox' and m.state = 'sent' and m.sent_at <= :upto and not {_READ}
        """,
        **_OF.of(people),
        upto=upto,
    )
    return [r.message_id for r in rows]
