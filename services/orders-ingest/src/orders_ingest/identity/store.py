"""SQL of merges: who absorbed whom and when, and the locks that part merges from inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from common.events.customers import CustomerUnmerged
from common.people.store import Merge, get_survivors, save_merge
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.identity.state import Alias, Merging

MERGES = Columns(
    "w", shop="text", absorbed="text", sequence="bigint", survivor="text", undone="boolean", at="timestamptz"
)
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


async def get_aliases(tx: Transaction, shop: str, customers: Iterable[str]) -> dict[str, Alias]:
    """What is known of these customers as aliases, by their identifiers."""
    names = sorted(set(customers))
    # By primary keys.
    rows = await tx.fetch(
        """
        select c.customer as alias, c.merged_into, m.at from customers c
        join merges m on m.shop = c.shop and m.absorbed = c.customer and m.sequence = c.merge_revision
        where c.shop = :shop and c.customer = any(:customers) and c.merged_into is not null
        """,
        shop=shop,
        customers=names,
    )
    survivors = await get_survivors(tx, [(shop, row.alias) for row in rows])
    return {r.alias: Alias(r.alias, r.merged_into, survivors[shop, r.alias][1], r.at) for r in rows}


async def get_newest(tx: Transaction, shop: str, absorbed: str) -> Merging | None:
    """The newest merge that absorbed this customer, or its undoing."""
    # The end of the primary key.
    row = await tx.fetch_one(
        """
        select absorbed, survivor, sequence, undone, at from merges
        where shop = :shop and absorbed = :absorbed order by sequence desc limit 1
        """,
        shop=shop,
        absorbed=absorbed,
    )
    return None if row is None else Merging(row.absorbed, row.survivor, row.sequence, row.undone, row.at)


async def list_merges(tx: Transaction, shop: str, before: int | None, limit: int) -> Sequence[Any]:
    """Merges and undoings of a shop, the newest first, those numbered lower than `before`."""
    # Along the index by number, backwards.
    return await tx.fetch(
        """
        select number, absorbed, survivor, sequence, undone, at from merges
        where shop = :shop and number < :before order by number desc limit :limit
        """,
        shop=shop,
        before=before if before is not None else 2**63 - 1,
        limit=limit,
    )


async def find_known(tx: Transaction, shop: str, customers: Iterable[str]) -> set[str]:
    """Those of these customers of whom anything ever came."""
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer = any(:customers)",
        shop=shop,
        customers=sorted(set(customers)),
    )
    return {row.customer for row in rows}


async def save_merges(tx: Transaction, merges: Sequence[Merge]) -> None:
    """Keep merges and undoings, new ones or those that a rebuild finds on the topic, in any order. Idempotent."""
    for merge in sorted(merges, key=lambda event: event.data.sequence):
        await save_merge(tx, merge)
    # The primary key closes the race of two merges that absorb one customer.
    await tx.execute(
        f"""
        insert into merges (shop, absorbed, sequence, survivor, undone, at) select * from {MERGES}
        on conflict do nothing
        """,
        **MERGES.of(
            (e.shop, e.data.absorbed, e.data.sequence, e.data.survivor, isinstance(e.data, CustomerUnmerged), e.time)
            for e in merges
        ),
    )
