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
    # Hops from shop to shop along the index on (shop, at, key): an import's last month may be hundreds of thousands.
    rows = await tx.fetch(
        """
        with recursive found as (
            (select shop from history where held order by shop limit 1)
            union all
            select (select h.shop from history h where h.held and h.shop > found.shop order by h.shop limit 1)
            from found where found.shop is not null
        )
        select shop from found where shop is not null
        """
    )
    return [row.shop for row in rows]


async def list_customers(tx: Transaction, shop: str, until: datetime, limit: int) -> list[str]:
    """Customers of the `limit` earliest inputs that are held, of before `until`; without those set aside.

    As many customers at most, and one where there are any.
    """
    # Hops from input to input along the index on (shop, at, key), whatever the plan (decision 0080).
    next_one = """
        select at, key, customer from history h
        where held and shop = :shop and at < :until and {after} and not exists (
            select from set_aside s where s.job = 'held' and s.shop = h.shop and s.customer = h.customer
        )
        order by at, key limit 1
    """
    rows = await tx.fetch(
        f"""
        with recursive found as (
            select h.*, 1 as number from ({next_one.format(after="true")}) h
            union all
            select h.*, f.number + 1 from found f
            cross join lateral ({next_one.format(after="(at, key) > (f.at, f.key)")}) h where f.number < :limit
        )
        select customer from found group by customer order by min(at), customer
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
    # By the index on customers with something held, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, h.at as first from {_CUSTOMERS} cross join lateral (
            select at from history where shop = w.shop and customer = w.customer and held order by at limit 1
        ) h
        """,
        **_CUSTOMERS.of(sorted(set(survivors.values()))),
    )
    found = {(row.shop, row.customer): row.first for row in rows}
    return {customer: found[survivor] for customer, survivor in survivors.items() if survivor in found}


async def get_inputs(tx: Transaction, kept: Kept, keys: Sequence[CustomerKey]) -> list[Event[Any]]:
    """What is held of these customers, oldest first."""
    # By the same index.
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
