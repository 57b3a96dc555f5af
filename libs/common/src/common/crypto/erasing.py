"""Erasure in a service: what is personal goes, and the service confirms it on its own topic (SEC-006)."""

from __future__ import annotations

from collections.abc import Sequence

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


async def tables_of_customers(tx: Transaction) -> Sequence[str]:
    """Every table of the database that has rows by (shop, customer)."""
    # Of the catalogue; a partition stands for itself, so only whole tables are listed.
    rows = await tx.fetch(
        """
        select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relkind in ('r', 'p') and not c.relispartition
            and (select count(*) from pg_attribute a
                 where a.attrelid = c.oid and not a.attisdropped and a.attname in ('shop', 'customer')) = 2
        order by 1
        """
    )
    return [row.name for row in rows if row.name not in WITHOUT]


async def count_rows(tx: Transaction, customer: CustomerKey) -> dict[str, int]:
    """By table, how many rows name this customer; without tables that have none."""
    found: dict[str, int] = {}
    for table in await tables_of_customers(tx):
        # By the index that leads with shop and customer, where there is one.
        count = await tx.value(
            f"select count(*) from {table} where shop = :shop and customer = :customer",
            shop=customer[0],
            customer=customer[1],
        )
        if count:
            found[table] = int(count)
    return found
