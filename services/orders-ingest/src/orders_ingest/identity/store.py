"""SQL of aliases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from common.events import CustomerKey, Event
from common.events.customers import CustomerMerged
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.identity.state import Alias

CUSTOMERS = Columns("w", shop="text", customer="text")
MERGES = Columns("w", shop="text", alias="text", merged_into="text", since="timestamptz", completed="bigint")
_SPACE = 7302
"""Namespace of the advisory locks of shops: many take inputs at a time, or one merges."""


async def hold(tx: Transaction, shops: Iterable[str]) -> None:
    """No customer of these shops is merged before the commit; call it before anything else is locked."""
    # Shared by all who take inputs; in one order, so that no two wait for each other in a circle.
    await tx.fetch(
        """
        select pg_advisory_xact_lock_shared(:space, lock)
        from (select distinct hashtext(shop) as lock from unnest(cast(:shops as text[])) as w(shop) order by 1) as locks
        """,
        space=_SPACE,
        shops=sorted(set(shops)),
    )


async def lock(tx: Transaction, shop: str) -> None:
    """Wait until nobody takes inputs of the shop, and let nobody begin before the commit."""
    # The counterpart of the shared lock of hold.
    await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:shop))", space=_SPACE, shop=shop)


async def get_survivors(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, str]:
    """The last survivors of those of these customers who were absorbed; they stand until the commit after `hold`."""
    if not (wanted := sorted(set(customers))):
        return {}
    rows = await tx.fetch(
        f"""
        select a.shop, a.alias, a.customer from {CUSTOMERS} join aliases a on a.shop = w.shop and a.alias = w.customer
        """,
        **CUSTOMERS.of(wanted),
    )
    return {(row.shop, row.alias): row.customer for row in rows}


async def get_aliases(tx: Transaction, shop: str, customers: Iterable[str]) -> dict[str, Alias]:
    """What is known of these customers as aliases, by their identifiers."""
    rows = await tx.fetch(
        """
        select alias, merged_into, customer, since from aliases where shop = :shop and alias = any(:customers)
        """,
        shop=shop,
        customers=sorted(set(customers)),
    )
    return {row.alias: Alias(row.alias, row.merged_into, row.customer, row.since) for row in rows}


async def list_aliases(tx: Transaction, shop: str, customer: str) -> list[str]:
    """Every identifier that stands for the customer beside its own, in order."""
    rows = await tx.fetch(
        "select alias from aliases where shop = :shop and customer = :customer order by alias",
        shop=shop,
        customer=customer,
    )
    return [row.alias for row in rows]


async def find_known(tx: Transaction, shop: str, customers: Iterable[str]) -> set[str]:
    """Those of these customers of whom anything ever came."""
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer = any(:customers)",
        shop=shop,
        customers=sorted(set(customers)),
    )
    return {row.customer for row in rows}


async def insert_alias(
    tx: Transaction, shop: str, absorbed: str, survivor: str, since: datetime, completed: int
) -> None:
    """The absorbed customer, and all whom it absorbed, stand for the survivor from now on; under the shop's lock.

    `completed`: completed orders of both, after which the survivor's numbers go on.
    """
    names = {"shop": shop, "absorbed": absorbed, "survivor": survivor}
    # Those that were the absorbed customer's aliases: one step leads to the last survivor, however long the chain.
    await tx.execute("update aliases set customer = :survivor where shop = :shop and customer = :absorbed", **names)
    # The primary key closes the race of two merges that absorb one customer.
    await tx.execute(
        """
        insert into aliases (shop, alias, merged_into, customer, since, completed)
        values (:shop, :absorbed, :survivor, :survivor, :since, :completed)
        """,
        since=since,
        completed=completed,
        **names,
    )


async def restore_aliases(tx: Transaction, merges: Sequence[Event[CustomerMerged]]) -> None:
    """Keep merges that a rebuild finds on the topic, in any order. Nobody else writes meanwhile."""
    await tx.execute(
        f"""
        insert into aliases (shop, alias, merged_into, customer, since, completed)
        select shop, alias, merged_into, merged_into, since, completed from {MERGES} on conflict do nothing
        """,
        **MERGES.of((e.shop, e.data.absorbed, e.data.survivor, e.time, e.data.completed) for e in merges),
    )
    # One step leads to the last survivor, however long the chain: until it does for all of these shops.
    while await tx.execute(
        """
        update aliases a set customer = n.customer
        from aliases n where a.shop = any(:shops) and n.shop = a.shop and n.alias = a.customer
        """,
        shops=sorted({event.shop for event in merges}),
    ):
        pass
