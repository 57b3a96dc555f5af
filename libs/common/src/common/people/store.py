"""SQL of merges: each absorbed customer's row names the one who absorbed it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import CustomerKey, Event
from common.events.customers import CustomerMerged
from common.people.rules import survivor
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ROW = """(
    select shop, customer, merged_into from customers
    where shop = w.shop and customer = w.customer order by customer
)"""
"""Of the customer `w`, by primary key, whatever the plan (decision 0080)."""
_MERGES = Columns("w", shop="text", customer="text", merged_into="text", sequence="bigint", at="timestamptz")
Merge = Event[Any]
"""Of CustomerMerged or CustomerUnmerged."""


class Moved(NamedTuple):
    """What a merge, or its undoing, changes: everybody concerned, with the survivor before and after."""

    before: dict[CustomerKey, CustomerKey]
    after: dict[CustomerKey, CustomerKey]


async def lock_survivors(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, CustomerKey]:
    """Lock these customers and those who absorbed them; by customer, the survivor who stands for them all.

    A merge locks everybody whom it concerns, so what is read here stands until the commit.
    """
    wanted = set(customers)
    missing: set[CustomerKey] = wanted
    while missing:
        await tx.lock_customers(missing)
        above = {(key[0], row.merged_into) for key, row in tx.locked.items() if row.merged_into is not None}
        missing = above - tx.locked.keys()
    return {key: survivor_in(tx, key) for key in wanted}


def survivor_in(tx: Transaction, customer: CustomerKey) -> CustomerKey:
    """The survivor of a customer who was locked by `lock_survivors`."""
    shop, name = customer
    row = tx.locked.get(customer)
    if row is None or row.merged_into is None:
        return customer
    return shop, survivor({key[1]: each.merged_into for key, each in tx.locked.items() if key[0] == shop}, name)


async def get_survivors(tx: Transaction, customers: Collection[CustomerKey]) -> dict[CustomerKey, CustomerKey]:
    """The survivors of those of these customers who were absorbed, not locked; the others are left out."""
    if not customers:
        return {}
    # By primary key; of a customer whom nobody absorbed one look.
    rows = await tx.fetch(
        f"""
        with recursive chain as (
            select c.* from {_CUSTOMERS} cross join lateral {_ROW} c where c.merged_into is not null
            union
            select c.* from chain a cross join lateral (
                select shop, customer, merged_into from customers
                where shop = a.shop and customer = a.merged_into order by customer
            ) c where c.merged_into is not null
        )
        select * from chain
        """,
        **_CUSTOMERS.of(sorted(customers)),
    )
    above: dict[str, dict[str, str | None]] = {}
    for row in rows:
        above.setdefault(row.shop, {})[row.customer] = row.merged_into
    absorbed = {key for key in customers if above.get(key[0], {}).get(key[1]) is not None}
    return {key: (key[0], survivor(above[key[0]], key[1])) for key in absorbed}


async def any_merged(tx: Transaction, shop: str) -> bool:
    """Whether any customer of the shop is absorbed by another one."""
    # By the index of absorbed customers.
    return bool(
        await tx.value(
            "select exists (select from customers where shop = :shop and merged_into is not null)", shop=shop
        )
    )


async def get_people(tx: Transaction, customers: Collection[CustomerKey]) -> dict[CustomerKey, list[CustomerKey]]:
    """Everybody who is one person with each of these: the survivor first, then the others in order of name."""
    # By primary key upwards and by the index of absorbed customers downwards: two looks a customer.
    rows = await tx.fetch(
        f"""
        with recursive person as (
            select c.* from {_CUSTOMERS} cross join lateral {_ROW} c
            union
            select c.shop, c.customer, c.merged_into from person p cross join lateral (
                select shop, customer, merged_into from customers where shop = p.shop and customer = p.merged_into
                union all
                select shop, customer, merged_into from customers where shop = p.shop and merged_into = p.customer
            ) c
        )
        select * from person
        """,
        **_CUSTOMERS.of(sorted(customers)),
    )
    above: dict[str, dict[str, str | None]] = {}
    for row in rows:
        above.setdefault(row.shop, {})[row.customer] = row.merged_into
    found: dict[CustomerKey, set[CustomerKey]] = {}
    for shop, into in above.items():
        for name in into:
            found.setdefault((shop, survivor(into, name)), set()).add((shop, name))
    listed = {root: [root, *sorted(of - {root})] for root, of in found.items()}
    roots = {key: (key[0], survivor(above.get(key[0], {}), key[1])) for key in customers}
    return {key: listed.get(root, [root]) for key, root in roots.items()}


async def get_merged_at(tx: Transaction, customers: Collection[CustomerKey]) -> dict[CustomerKey, datetime]:
    """When it was said of those of these customers who are absorbed now."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, c.merged_at from {_CUSTOMERS} cross join lateral (
            select merged_at from customers c
            where c.shop = w.shop and c.customer = w.customer and c.merged_into is not null order by c.customer
        ) c
        """,
        **_CUSTOMERS.of(sorted(customers)),
    )
    return {(row.shop, row.customer): row.merged_at for row in rows}


async def save_merge(tx: Transaction, merge: Merge) -> Moved | None:
    """Keep who absorbed whom, as this event says; None where a newer one was kept before.

    Everybody concerned is locked. Idempotent, and the same whatever order the events arrive in.
    """
    shop, data = merge.shop, merge.data
    absorbed: CustomerKey = shop, data.absorbed
    concerned = await _lock_concerned(tx, shop, [data.absorbed, data.survivor])
    row = tx.locked[absorbed]
    if row.merge_revision >= data.sequence:
        return None
    before = {key: survivor_in(tx, key) for key in concerned}
    row.merged_into = data.survivor if isinstance(data, CustomerMerged) else None
    row.merge_revision = data.sequence
    # By primary key.
    await tx.execute(
        f"""
        update customers c set merged_into = w.merged_into, merge_revision = w.sequence, merged_at = w.at
        from {_MERGES} where c.shop = w.shop and c.customer = w.customer
        """,
        **_MERGES.of([(*absorbed, row.merged_into, row.merge_revision, merge.time)]),
    )
    # By primary key: what was decided about them may have rested on what was known of the others.
    await tx.execute(
        f"""
        update customers c set once_merged = true from {_CUSTOMERS} where c.shop = w.shop and c.customer = w.customer
        """,
        **_CUSTOMERS.of(concerned),
    )
    return Moved(before, {key: survivor_in(tx, key) for key in concerned})


async def _lock_concerned(tx: Transaction, shop: str, names: Sequence[str]) -> list[CustomerKey]:
    """Everybody whom merges tie to these customers, by whatever way, locked."""
    known, fresh = set(names), set(names)
    while fresh:
        await tx.lock_customers((shop, name) for name in sorted(fresh))
        # By primary key, and by the index of absorbed customers.
        rows = await tx.fetch(
            """
            select customer from customers where shop = :shop and merged_into = any(:names)
            union
            select merged_into from customers
            where shop = :shop and customer = any(:names) and merged_into is not null
            """,
            shop=shop,
            names=sorted(fresh),
        )
        fresh = {row.customer for row in rows} - known
        known |= fresh
    return [(shop, name) for name in sorted(known)]
