"""The rows of the ledger, of points and of growth, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row

from common.bus.inbox import key_of
from common.events import CustomerKey
from common.fold.folding import Step, Turns
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.histories.ranges import within
from membership.ledger.legs import (
    BOOKS,
    Balances,
    Book,
    Leg,
    Posting,
    add,
    book_of,
    dump_legs,
    legs_of,
    load_legs,
    without_zeros,
)

_CUSTOMERS = Columns("w", shop="text", customer="text")
_KEYS = Columns("w", key="uuid")
_COLUMNS = ("shop", "customer", "cause", "named", "correction", "occurred_at", "legs")


async def insert_entries(tx: Transaction, steps: Sequence[Step]) -> None:
    """Append what the steps posted, an entry each."""
    await tx.copy(
        "ledger_entries",
        _COLUMNS,
        [
            (*step.customer, *_cause(step), step.correction, step.at, dump_legs(legs))
            for step in steps
            if (legs := _posted(step))
        ],
    )


def _posted(step: Step) -> Collection[Leg]:
    """The legs of a step in both books; they are all of one instant."""
    postings = [effect.data for effect in step.effects if isinstance(effect.data, Posting)]
    if len(postings) == 1:
        return postings[0].legs
    moved: Balances = {}
    for posting in postings:
        for leg in posting.legs:
            add(moved, leg.account, leg.earned_by, leg.amount)
    return legs_of(moved)


def _cause(step: Step) -> tuple[UUID, str]:
    """The key of the input and no name, since the history has it; of anything else the hash of its name, and that."""
    event = step.event
    if event is not None:
        return key_of((event.shop, event.source, event.id)), ""
    return key_of((*step.customer, step.cause)), step.cause


async def list_ledger(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    """So many legs of a member's book of points, oldest first, and what is left of the last one's cause."""
    # By the unique index.
    return await tx.fetch(
        """
        select entry, account, lot, amount, cause, correction, occurred_at, recorded_at
        from (
            select *, earned_by as lot from ledger
            where shop = :shop and customer = :customer and book = 'points' and entry > :after
            order by entry fetch first (:limit) rows with ties
        ) page
        order by entry, number
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def list_latest(tx: Transaction, key: CustomerKey, limit: int) -> Sequence[Row[Any]]:
    """So many legs of a member's book of points, newest first, wherever in a cause that ends."""
    # By the unique index.
    return await tx.fetch(
        """
        select entry, account, lot, amount, cause, correction, occurred_at, recorded_at
        from (
            select *, earned_by as lot from ledger
            where shop = :shop and customer = :customer and book = 'points'
            order by entry desc, number desc fetch first (:limit) rows only
        ) page
        order by entry desc, number desc
        """,
        shop=key[0],
        customer=key[1],
        limit=limit,
    )


async def list_growth(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    """What raised and lowered a member's growth value, a page as of `list_ledger`: the member's side alone."""
    # By the unique index.
    return await tx.fetch(
        """
        select entry, earned_by as origin, amount, cause, correction, occurred_at, recorded_at
        from (
            select * from ledger
            where shop = :shop and customer = :customer and account = 'growth' and entry > :after
            order by entry fetch first (:limit) rows with ties
        ) page
        order by entry, number
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def growth_of(tx: Transaction, key: CustomerKey, origin: str) -> int:
    """What one origin has earned of the growth value."""
    # Of all entries of the member, by the unique index, those are read as JSON that name the origin.
    return int(
        await tx.value(
            """
            select coalesce(sum(amount), 0) from (
                select * from ledger_entries where shop = :shop and customer = :customer and strpos(legs, :text) > 0
            ) e cross join lateral (
                select l.leg ->> 0 as account, l.leg ->> 1 as earned_by, cast(l.leg ->> 2 as bigint) as amount
                from json_array_elements(cast(e.legs as json)) as l (leg)
            ) l
            where account = 'growth' and earned_by = :origin
            """,
            shop=key[0],
            customer=key[1],
            origin=origin,
            text=orjson.dumps(origin).decode(),
        )
    )


async def sums_of(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, dict[Book, Balances]]:
    """What each book of these customers comes to: every balance other than zero."""
    # All entries of each customer, by the unique index, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, e.legs from {_CUSTOMERS} cross join lateral (
            select legs from ledger_entries e where e.shop = w.shop and e.customer = w.customer order by e.cause
        ) e
        """,
        **_CUSTOMERS.of(keys),
    )
    found: dict[CustomerKey, dict[Book, Balances]] = {key: {book: {} for book in BOOKS} for key in keys}
    turns = Turns()
    for row in rows:
        books = found[row.shop, row.customer]
        for leg in load_legs(row.legs):
            add(books[book_of(leg[0])], *leg)
        await turns.take()
    return {key: {book: without_zeros(sums) for book, sums in books.items()} for key, books in found.items()}


async def list_entries(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """All entries of the customers behind `after` through `last`, each with its hash."""
    condition, bounds = within(after, last)
    # By the unique index.
    return await tx.fetch(
        f"select shop, customer, cause, named, legs, entry_hash(e) as hash from ledger_entries e where {condition}",
        **bounds,
    )


async def name_causes(tx: Transaction, keys: Collection[UUID]) -> dict[UUID, str]:
    """The inputs of these keys in words, of those that the history has."""
    # By the primary key.
    rows = await tx.fetch(
        f"select h.key, h.source || '#' || h.id as cause from {_KEYS} join history h using (key)",
        **_KEYS.of((key,) for key in keys),
    )
    return {row.key: row.cause for row in rows}


async def list_tallies(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """What was tallied when entries were written, of the customers behind `after` through `last`."""
    condition, bounds = within(after, last)
    # By the primary key.
    return await tx.fetch(
        f"select shop, customer, entries, cast(checksum as text) as checksum from ledger_tallies where {condition}",
        **bounds,
    )


async def unbalanced_causes(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Causes whose legs do not sum to zero or cannot be read, of the customers behind `after` through `last`."""
    condition, bounds = within(after, last)
    # A cause balances within each book by itself. What it is in words is looked for of those alone that do not.
    return await tx.fetch(
        f"""
        with wrong as (
            select book, shop, customer, cause, named, coalesce(sum(amount), 0) as amount,
                   bool_or(account is null or earned_by is null or amount is null) as damaged
            from ledger_legs where {condition}
            group by book, shop, customer, cause, named 
            having sum(amount) <> 0 or bool_or(account is null or earned_by is null or amount is null)
        )
        select w.book, w.shop, w.customer, w.amount, w.damaged,
               coalesce(nullif(w.named, ''), h.source || '#' || h.id, cast(w.cause as text)) as cause
        from wrong w left join history h on h.key = w.cause and w.named = ''
        order by w.shop, w.customer, cause
        """,
        **bounds,
    )
