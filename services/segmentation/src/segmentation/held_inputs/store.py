"""Inputs of a month whose statistics are not stored yet: kept until they are, then folded as if they had just come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from common.bus.inbox import key_of
from common.events import CustomerKey, Event
from common.events.kept import Kept
from common.fold.store_history import HISTORY, move_inputs
from common.people.store import lock_survivors
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_INPUTS = Columns("w", key="uuid", correlation="text")


async def hold(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Hold the inputs, which this transaction has claimed; those of absorbed customers among their survivors'."""
    if events:
        survivors = await lock_survivors(tx, {event.customer for event in events})
        await move_inputs(tx, [(e, survivors[e.customer]) for e in events if survivors[e.customer] != e.customer])
        # By primary key.
        await tx.execute(
            f"update history h set held = true, correlation = w.correlation from {_INPUTS} where h.key = w.key",
            **_INPUTS.of((key_of((e.shop, e.source, e.id)), e.correlationid) for e in events),
        )


async def list_shops(tx: Transaction) -> list[str]:
    """Shops of which inputs are held."""
    # Held inputs are few: those of the first seconds of a month, or of an import's last month.
    return [row.shop for row in await tx.fetch("select distinct shop from history where held order by shop")]


async def list_customers(tx: Transaction, shop: str, until: datetime, limit: int) -> list[str]:
    """Customers of whom inputs of before `until` are held, the earliest first; without those set aside."""
    # A range of the index on (shop, at), customers by their earliest.
    rows = await tx.fetch(
        """
        select customer from history h
        where held and shop = :shop and at < :until and not exists (
            select from set_aside s where s.job = 'held' and s.shop = h.shop and s.customer = h.customer
        )
        group by customer order by min(at), customer limit :limit
        """,
        shop=shop,
        until=until,
        limit=limit,
    )
    return [row.customer for row in rows]


async def get_first(tx: Transaction, customers: Collection[CustomerKey]) -> dict[CustomerKey, datetime]:
    """When the first of what is held of these customers happened; of absorbed ones, of their survivors'.

    Nothing is held of those who are left out. Whom it is asked of is locked.
    """
    shops = {shop for shop, _ in customers}
    if shops.isdisjoint(await list_shops(tx)):
        return {}
    survivors = await lock_survivors(tx, customers)
    # A range of the index on what is held.
    rows = await tx.fetch(
        """
        select shop, customer, min(at) as first from history
        where held and shop = any(:shops) and customer = any(:customers) group by shop, customer
        """,
        shops=sorted(shops),
        customers=sorted({customer for _, customer in survivors.values()}),
    )
    found = {(row.shop, row.customer): row.first for row in rows}
    return {customer: found[survivor] for customer, survivor in survivors.items() if survivor in found}


async def get_inputs(tx: Transaction, kept: Kept, keys: Sequence[CustomerKey]) -> list[Event[Any]]:
    """What is held of these customers, oldest first."""
    # By the index on customer and time, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select h.* from {_CUSTOMERS} cross join lateral (
            select {HISTORY} from history where shop = w.shop and customer = w.customer and held order by at
        ) h
        """,
        **_CUSTOMERS.of(keys),
    )
    return sorted((kept.load(row) for row in rows), key=lambda event: event.order_key)


async def release(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """These are being folded."""
    # By primary key.
    await tx.execute(
        f"update history h set held = false, correlation = null from {_INPUTS} where h.key = w.key",
        **_INPUTS.of((key_of((e.shop, e.source, e.id)), None) for e in events),
    )
