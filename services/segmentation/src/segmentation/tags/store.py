"""Tags: a row for each customer and tag, as the newest change says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.segments import TagChanged
from common.storage.columns import Columns
from common.storage.database import Transaction

_CHANGES = Columns(
    "w", shop="text", customer="text", tag="text", borne="boolean", source="text", at="timestamptz", cause="text"
)
_KEYS = Columns("w", shop="text", customer="text")


async def save_tags(tx: Transaction, events: Sequence[Event[TagChanged]]) -> None:
    """Take these changes; of each tag the newest says what is so, in whatever order they come. Idempotent.

    Of an erased customer nothing is taken.
    """
    newest: dict[tuple[str, str, str], Event[TagChanged]] = {}
    for event in sorted(events, key=lambda e: (e.time, e.id)):
        newest[(*event.customer, event.data.tag)] = event
    # By primary key, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into tags as t (shop, customer, tag, borne, source, at, cause)
        select shop, customer, tag, borne, source, at, cause from {_CHANGES} where {NOT_ERASED}
        on conflict (shop, customer, tag) do update
        set borne = excluded.borne, source = excluded.source, at = excluded.at, cause = excluded.cause
        where (t.at, t.cause) < (excluded.at, excluded.cause)
        """,
        **_CHANGES.of((*key, e.data.borne, e.data.source, e.time, e.id) for key, e in sorted(newest.items())),
    )


async def erase_tags(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Remove their tags, those taken away included."""
    # Ranges of the primary key.
    await tx.execute(
        f"delete from tags t using {_KEYS} where t.shop = w.shop and t.customer = w.customer", **_KEYS.of(customers)
    )


async def get_tags(
    tx: Transaction, shop: str, customers: Collection[str], tag: str | None = None
) -> Sequence[Row[Any]]:
    """Rows customer, tag, borne, source, at, cause of these identifiers; `tag`: of that one alone.

    Those taken away are among them.
    """
    # A range of the primary key each.
    return await tx.fetch(
        """
        select customer, tag, borne, source, at, cause from tags
        where shop = :shop and customer = any(:customers) and (cast(:tag as text) is null or tag = :tag)
        order by customer, tag
        """,
        shop=shop,
        customers=list(customers),
        tag=tag,
    )


async def get_borne(tx: Transaction, shop: str, customer: str) -> Sequence[Row[Any]]:
    """Rows tag, source, at: what the person bears, in order of tag."""
    # A range of the primary key.
    return await tx.fetch(
        "select tag, source, at from borne_tags where shop = :shop and customer = :customer order by tag",
        shop=shop,
        customer=customer,
    )


async def count_tags(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Rows tag, customers: every tag that somebody bears."""
    # One pass over the shop's part of the index.
    return await tx.fetch(
        "select tag, count(*) as customers from borne_tags where shop = :shop group by tag order by tag", shop=shop
    )


async def list_bearers(tx: Transaction, shop: str, tag: str, after: str, limit: int) -> list[str]:
    """Customers behind `after` who bear the tag, in order of id."""
    # By the index on tag and customer.
    rows = await tx.fetch(
        """
        select customer from borne_tags where shop = :shop and tag = :tag and customer > :after
        order by customer limit :limit
        """,
        shop=shop,
        tag=tag,
        after=after,
        limit=limit,
    )
    return [row.customer for row in rows]


async def list_known(tx: Transaction, shop: str, customers: Collection[str]) -> set[str]:
    """Those of these customers of whom anything was ever heard, without those who were erased."""
    # By primary key.
    rows = await tx.fetch(
        f"select customer from customers w where shop = :shop and customer = any(:customers) and {NOT_ERASED}",
        shop=shop,
        customers=list(customers),
    )
    return {row.customer for row in rows}
