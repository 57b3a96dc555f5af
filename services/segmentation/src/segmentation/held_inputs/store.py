"""Inputs of a month whose statistics are not stored yet: kept until they are, then folded as if they had just come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event, decode
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_INPUTS = Columns("w", shop="text", customer="text", source="text", id="text")


async def insert_inputs(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Hold the inputs; each was claimed by this transaction, so it is held once."""
    await tx.copy(
        "held_inputs",
        ("shop", "customer", "at", "source", "id", "body"),
        [(*e.customer, e.time, e.source, e.id, e.encode().decode()) for e in events],
    )


async def list_shops(tx: Transaction) -> list[str]:
    """Shops of which inputs are held."""
    # Held inputs are few: those of the first seconds of a month, or of an import's last month.
    return [row.shop for row in await tx.fetch("select distinct shop from held_inputs order by shop")]


async def list_customers(tx: Transaction, shop: str, until: datetime, limit: int) -> list[str]:
    """Customers of whom inputs of before `until` are held, the earliest first; without those set aside."""
    # A range of the index on (shop, at), customers by their earliest.
    rows = await tx.fetch(
        """
        select customer from held_inputs h
        where shop = :shop and at < :until and not exists (
            select from set_aside s where s.job = 'held' and s.shop = h.shop and s.customer = h.customer
        )
        group by customer order by min(at), customer limit :limit
        """,
        shop=shop,
        until=until,
        limit=limit,
    )
    return [row.customer for row in rows]


async def get_inputs(tx: Transaction, keys: Sequence[CustomerKey]) -> list[Event[Any]]:
    """What is held of these customers, oldest first."""
    # By the primary key.
    rows = await tx.fetch(
        f"select h.body from {_CUSTOMERS} join held_inputs h on h.shop = w.shop and h.customer = w.customer",
        **_CUSTOMERS.of(keys),
    )
    return sorted((decode(row.body) for row in rows), key=lambda event: event.order_key)


async def delete_inputs(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """These were folded."""
    # By the primary key.
    await tx.execute(
        f"""
        delete from held_inputs h using {_INPUTS}
        where h.shop = w.shop and h.customer = w.customer and h.source = w.source and h.id = w.id
        """,
        **_INPUTS.of((*e.customer, e.source, e.id) for e in events),
    )
