"""Addresses that bounced for good, whoever has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.events.customers import Channel
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.contacts.state import Address

_MARKED = Columns("n", shop="text", address="bytea", at="timestamptz")
BOUNCED = "coalesce(b.at > coalesce(b.lifted_at, '-infinity'), false)"
"""Whether the address of the row `b`, which may be missing, is not to be written to."""


async def mark_bounced(tx: Transaction, bounced: Sequence[tuple[Address, datetime]]) -> None:
    """Remember addresses that bounced for good: (address, when)."""
    await _mark(tx, "at", bounced)


async def lift_bounce(tx: Transaction, key: CustomerKey, channel: Channel, at: datetime) -> bytes | None:
    """Write to the customer's address again, whoever has it; returns its hash, None where it had not bounced."""
    # By the address that the customer has now.
    lifted: bytes | None = await tx.value(
        f"""
        update bounces b set lifted_at = :at
        from contacts c join contact_addresses a
            on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        where c.shop = :shop and c.customer = :customer and a.channel = :channel
            and b.shop = a.shop and b.address = a.address and b.at <= :at and {BOUNCED}
        returning b.address
        """,
        shop=key[0],
        customer=key[1],
        channel=channel,
        at=at,
    )
    return lifted


async def list_bounces(tx: Transaction, key: CustomerKey) -> Sequence[Row[Any]]:
    """Channels on which the address that the customer has now is not written to: channel, since when."""
    # By the customer's primary key, and that of bounces for each address.
    return await tx.fetch(
        f"""
        select a.channel, b.at
        from contacts c join contact_addresses a
            on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        join bounces b on b.shop = a.shop and b.address = a.address
        where c.shop = :shop and c.customer = :customer and {BOUNCED} order by a.channel
        """,
        shop=key[0],
        customer=key[1],
    )


async def mark_lifted(tx: Transaction, lifted: Sequence[tuple[Address, datetime]]) -> None:
    """Remember that these addresses were freed: (address, when). A later bounce stands, whenever it comes."""
    await _mark(tx, "lifted_at", lifted)


async def _mark(tx: Transaction, column: str, marked: Sequence[tuple[Address, datetime]]) -> None:
    newest: dict[Address, datetime] = {}
    for address, at in marked:
        newest[address] = max(at, newest.get(address, at))
    if not newest:
        return
    # In one order, so that no two that meet the same addresses wait for each other in a circle.
    await tx.execute(
        f"""
        insert into bounces (shop, address, {column}) select * from {_MARKED}
        on conflict (shop, address) do update set {column} = greatest(bounces.{column}, excluded.{column})
        """,
        **_MARKED.of((*address, newest[address]) for address in sorted(newest)),
    )
