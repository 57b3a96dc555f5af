"""The places that messages hold under the caps: the rows of `messages` are the count, so that none can drift."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.limits.caps.state import Contacted, Places
from messaging.templates.kinds import Kinds, library_kinds

LOOK_BACK = timedelta(days=400)
"""How far back messages are read: longer than the longest gap that may be set between surveys."""
_CUSTOMERS = Columns("w", shop="text", customer="text")
_ADDRESSES = Columns("a", shop="text", address="bytea")


async def get_places(
    tx: Transaction,
    wanted: Mapping[CustomerKey, Collection[bytes]],
    since: datetime,
    persons: Mapping[CustomerKey, CustomerKey],
    kinds: Kinds = library_kinds,
    *,
    reactions: bool = False,
) -> Places:
    """Of each customer, with the addresses they have: all messages but those that failed or were taken back.

    `persons`: who the customers are after merges; the messages are counted as theirs. `kinds`: what a template of a
    shop is about. `reactions`: whether to read which messages the customers reacted to.
    """
    # An unknown one may have arrived, so it counts. At an address the caps bound how many there are.
    rows = await tx.fetch(
        f"""
        with holding as (
            select m.shop, m.customer, m.message_id from {_CUSTOMERS} join messages m using (shop, customer)
            where m.at > :since
            union
            select m.shop, m.customer, m.message_id from {_ADDRESSES} join messages m using (shop, address)
            where m.at > :since
        )
        select m.shop, m.customer, m.at, m.purpose, m.channel, m.address, m.flow, c.cause, c.template,
            case when :reactions then least(
                (select min(r.at) from receipts r where r.shop = m.shop and r.customer = m.customer
                    and r.message_id = m.message_id and r.said in ('clicked', 'read')),
                (select min(y.at) from replies y where y.shop = m.shop and y.customer = m.customer
                    and y.message_id = m.message_id and y.said = 'other')) end as reacted_at
        from holding join messages m using (shop, customer, message_id)
        left join candidates c using (shop, customer, message_id)
        where m.state in ('queued', 'leased', 'sent', 'unknown') and m.purpose <> 'transactional'
        """,
        **_CUSTOMERS.of(wanted),
        **_ADDRESSES.of(sorted({(key[0], address) for key, of in wanted.items() for address in of})),
        since=since,
        reactions=reactions,
    )
    places = Places()
    for r in rows:
        key = (r.shop, r.customer)
        places.take(persons.get(key, key), r.address, _contacted(r, kinds))
    return places


def _contacted(r: Row[Any], kinds: Kinds) -> Contacted:
    template = r.template or r.flow
    kind = kinds(r.shop, template)
    return Contacted(r.at, r.purpose, r.channel, template, kind, f"{r.flow}/{r.cause}", r.reacted_at)


async def forget_addresses(tx: Transaction, keys: Sequence[CustomerKey]) -> None:
    """What these erased customers were sent counts no more for others who have the address."""
    # By primary key.
    await tx.execute(
        f"""
        update messages m set address = null, sent_to = null from {_CUSTOMERS}
        where m.shop = w.shop and m.customer = w.customer and coalesce(m.address, m.sent_to) is not null
        """,
        **_CUSTOMERS.of(keys),
    )
