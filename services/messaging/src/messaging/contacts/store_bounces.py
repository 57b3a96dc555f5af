"""Addresses that bounced for good, whoever has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.events.customers import Channel
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.contacts.state import Address

_BOUNCED = Columns("n", shop="text", address="bytea", at="timestamptz")
_LIFTED = Columns("l", shop="text", customer="text", channel="text", at="timestamptz")


async def mark_bounced(tx: Transaction, bounced: Sequence[tuple[Address, datetime]]) -> None:
    """Remember addresses that bounced for good: (address, when)."""
    newest: dict[Address, datetime] = {}
    for address, at in bounced:
        newest[address] = max(at, newest.get(address, at))
    if not newest:
        return
    # In one order, so that no two that meet the same addresses wait for each other in a circle.
    await tx.execute(
        f"""
        insert into bounces (shop, address, at) select * from {_BOUNCED}
        on conflict (shop, address) do update set at = greatest(bounces.at, excluded.at)
        """,
        **_BOUNCED.of((*address, newest[address]) for address in sorted(newest)),
    )


async def lift_bounces(tx: Transaction, lifted: Sequence[tuple[CustomerKey, Channel, datetime]]) -> list[CustomerKey]:
    """Write to these customers' addresses again, whoever has them: (customer, channel, when that was said).

    A later bounce stands. Returns whose was lifted.
    """
    if not lifted:
        return []
    # By the address that the customer has now; locked in one order first, as mark_bounced takes them.
    rows = await tx.fetch(
        f"""
        with meant as (
            select b.shop, b.address, l.customer
            from {_LIFTED}
            join contacts c on c.shop = l.shop and c.customer = l.customer
            join contact_addresses a on a.shop = c.shop and a.customer = c.customer and a.channel = l.channel
                and a.revision = c.revision and a.at = c.at
            join bounces b on b.shop = a.shop and b.address = a.address and b.at <= l.at
            order by b.shop, b.address for update of b
        ), gone as (
            delete from bounces b using meant m where b.shop = m.shop and b.address = m.address
        )
        select shop, customer from meant
        """,
        **_LIFTED.of((*key, channel, at) for key, channel, at in lifted),
    )
    return [(r.shop, r.customer) for r in rows]
