"""Erasure in a service: what is personal goes, and the service confirms it on its own topic (SEC-006)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from common.bus.subscriptions import Batch, Handler, Subscription
from common.crypto.keys import erase_keys
from common.events import CustomerKey, Event, fact_id
from common.events.customers import CustomerErased, ErasureConfirmed
from common.storage.database import Transaction

WITHOUT = ("customer_keys", "outbox", "inbox")
"""Tables that are no store of a customer's: the marker itself, and what was or is to be published."""

NOT_ERASED = """not exists (
    select from customer_keys k where k.shop = w.shop and k.customer = w.customer and k.erased_at is not null
)"""
"""A condition on rows `w` of what comes of customers, maybe after their erasure, as in a rebuild."""


def confirmed_by(kind: type[ErasureConfirmed], *, keeps_keys: bool) -> tuple[Subscription, ...]:
    """The last subscription of a service to erasures: by then its other handlers have removed what they hold.

    `keeps_keys`: the service reads customers' keys for itself; otherwise their end is noted here, so that a dead event
    of an erased customer keeps no body either.
    """

    async def on_erased(tx: Transaction, batch: Batch) -> None:
        if not keeps_keys:
            await erase_keys(tx, {event.customer: event.time for event in batch.events})
        kept = [(event, await count_rows(tx, event.customer)) for event in batch.events]
        await tx.announce(_confirmed(tx, kind, event, rows) for event, rows in kept)

    handler: Handler = on_erased
    return (Subscription(handler, (CustomerErased,)),)


def _confirmed(
    tx: Transaction, kind: type[ErasureConfirmed], erased: Event[CustomerErased], kept: dict[str, int]
) -> Event[ErasureConfirmed]:
    shop, customer = erased.customer
    id_ = fact_id(f"{erased.source}#{erased.id}", kind.TYPE, shop, customer, 0)
    source = f"/shops/{shop}/{tx.service}"
    return Event(id_, source, shop, customer, erased.time, kind(kept=kept), causationid=erased.id)


class KeptTable(NamedTuple):
    """A table, or view, of rows by (shop, customer); `key`: columns and types that tell rows of one customer apart."""

    name: str
    key: Sequence[tuple[str, str]]


async def tables_of_customers(tx: Transaction) -> Sequence[KeptTable]:
    """Every table of the database that has rows by (shop, customer), and every view that makes such rows of others.

    What is a customer's by another name (an order's details, the merges of an identifier) is a view in the service's
    migration with a comment `key: column, column`; other views repeat what tables hold. What is neither is named, with
    the reason, in tests/structure/test_exports.py.
    """
    # Of the catalogue; a partition stands for itself, so only whole tables are listed. The key is the primary one, or
    # another of columns that are never null.
    rows = await tx.fetch(
        """
        with kept as (
            select c.oid, c.relname as name, coalesce(
                string_to_array(substring(obj_description(c.oid, 'pg_class') from '^key: (.*)$'), ', '),
                array(
                    select cast(a.attname as text) from pg_index i
                    cross join unnest(i.indkey) with ordinality as k(attnum, place)
                    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                    where i.indexrelid = (
                        select u.indexrelid from pg_index u
                        where u.indrelid = c.oid and u.indisunique and u.indpred is null and u.indexprs is null
                        order by u.indisprimary desc, u.indexrelid limit 1
                    ) order by k.place
                )
            ) as key
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = current_schema() and not c.relispartition
                and (c.relkind in ('r', 'p')
                     or c.relkind = 'v' and obj_description(c.oid, 'pg_class') like 'key: %')
                and (select count(*) from pg_attribute a
                     where a.attrelid = c.oid and not a.attisdropped and a.attname in ('shop', 'customer')) = 2
        )
        select k.name, array(
            select quote_ident(w.name) from unnest(k.key) with ordinality as w(name, place)
            where w.name not in ('shop', 'customer') order by w.place
        ) as columns, array(
            select format_type(a.atttypid, null) from unnest(k.key) with ordinality as w(name, place)
            join pg_attribute a on a.attrelid = k.oid and a.attname = w.name
            where w.name not in ('shop', 'customer') order by w.place
        ) as types
        from kept k order by 1
        """
    )
    return [
        KeptTable(row.name, list(zip(row.columns, row.types, strict=True))) for row in rows if row.name not in WITHOUT
    ]


async def count_rows(tx: Transaction, customer: CustomerKey) -> dict[str, int]:
    """By table, how many rows name this customer; without tables that have none."""
    found: dict[str, int] = {}
    for table, _ in await tables_of_customers(tx):
        # By the index that leads with shop and customer, where there is one.
        count = await tx.value(
            f"select count(*) from {table} where shop = :shop and customer = :customer",
            shop=customer[0],
            customer=customer[1],
        )
        if count:
            found[table] = int(count)
    return found
