"""The rows of the ledger, of points and of growth, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from common.bus.inbox import key_of
from common.events import CustomerKey
from common.fold.folding import Step
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.histories.ranges import within
from membership.ledger.legs import BOOKS, Balances, Book, Posting, book_of

_CUSTOMERS = Columns("w", shop="text", customer="text")
_COLUMNS = (
    "shop",
    "customer",
    "account",
    "earned_by",
    "amount",
    "cause",
    "named",
    "correction",
    "occurred_at",
)


async def insert_legs(tx: Transaction, steps: Sequence[Step]) -> None:
    """Append what the steps posted."""
    await tx.copy(
        "ledger_entries",
        _COLUMNS,
        [
            (*step.customer, leg.account, leg.earned_by, leg.amount, *cause, step.correction, effect.at)
            for step in steps
            for cause in [_cause(step)]
            for effect in step.effects
            if isinstance(effect.data, Posting)
            for leg in effect.data.legs
        ],
    )


def _cause(step: Step) -> tuple[UUID, str | None]:
    """The key of the input and no name, since the history has it; of anything else the hash of its name, and that."""
    event = step.event
    if event is not None:
        return key_of((event.shop, event.source, event.id)), None
    return key_of((*step.customer, step.cause)), step.cause


async def list_ledger(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    # A page of a member's entries in the book of points, oldest first.
    return await tx.fetch(
        """
        select entry, account, earned_by as lot, amount, cause, correction, occurred_at, recorded_at from ledger
        where shop = :shop and customer = :customer and book = 'points' and entry > :after order by entry limit :limit
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def list_latest(tx: Transaction, key: CustomerKey, limit: int) -> Sequence[Row[Any]]:
    # The newest of a member's entries in the book of points.
    return await tx.fetch(
        """
        select entry, account, earned_by as lot, amount, cause, correction, occurred_at, recorded_at from ledger
        where shop = :shop and customer = :customer and book = 'points' order by entry desc limit :limit
        """,
        shop=key[0],
        customer=key[1],
        limit=limit,
    )


async def list_growth(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    # A page of what raised and lowered a member's growth value: the member's side alone, oldest first.
    return await tx.fetch(
        """
        select entry, earned_by as origin, amount, cause, correction, occurred_at, recorded_at from ledger
        where shop = :shop and customer = :customer and account = 'growth' and entry > :after
        order by entry limit :limit
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def growth_of(tx: Transaction, key: CustomerKey, origin: str) -> int:
    """What one origin has earned of the growth value."""
    # By the unique index.
    return int(
        await tx.value(
            """
            select coalesce(sum(amount), 0) from ledger_entries
            where shop = :shop and customer = :customer and account = 'growth' and earned_by = :origin
            """,
            shop=key[0],
            customer=key[1],
            origin=origin,
        )
    )


async def sums_of(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, dict[Book, Balances]]:
    """What each book of these customers comes to: every balance other than zero."""
    # All entries of each customer, by the unique index, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, s.account, s.earned_by, s.balance from {_CUSTOMERS} cross join lateral (
            select account, earned_by, cast(sum(amount) as bigint) as balance from ledger_entries e
            where e.shop = w.shop and e.customer = w.customer group by account, earned_by having sum(amount) <> 0
        ) s
        """,
        **_CUSTOMERS.of(keys),
    )
    found: dict[CustomerKey, dict[Book, Balances]] = {key: {book: {} for book in BOOKS} for key in keys}
    for row in rows:
        found[row.shop, row.customer][book_of(row.account)][row.account, row.earned_by] = row.balance
    return found


async def sum_accounts(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> dict[CustomerKey, Balances]:
    """What the books come to, of the customers behind `after` through `last`: every balance other than zero."""
    condition, bounds = within(after, last)
    # By the unique index.
    rows = await tx.fetch(
        f"""
        select shop, customer, account, earned_by, cast(sum(amount) as bigint) as balance from ledger_entries
        where {condition} group by shop, customer, account, earned_by having sum(amount) <> 0
        """,
        **bounds,
    )
    sums: dict[CustomerKey, Balances] = {}
    for row in rows:
        sums.setdefault((row.shop, row.customer), {})[row.account, row.earned_by] = row.balance
    return sums


async def wrong_tallies(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Customers behind `after` through `last` of whom the ledger holds other entries than were posted: none must be."""
    condition, bounds = within(after, last)
    # All is counted and summed as it stands, then compared with what was tallied when it was written.
    return await tx.fetch(
        f"""
        with found as (
            select shop, customer, count(*) as entries, sum(entry_hash(e)) as checksum
            from ledger_entries e where {condition} group by shop, customer
        ), tallied as (select * from ledger_tallies where {condition})
        select shop, customer, coalesce(f.entries, 0) as entries, coalesce(t.entries, 0) as posted
        from found f full join tallied t using (shop, customer)
        where f.checksum is distinct from t.checksum or f.entries is distinct from t.entries
        order by shop, customer
        """,
        **bounds,
    )


async def unbalanced_causes(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Causes whose legs do not sum to zero, of the customers behind `after` through `last`; there must be none."""
    condition, bounds = within(after, last)
    # A cause balances within each book by itself. What it is in words is looked for of those alone that do not.
    return await tx.fetch(
        f"""
        with wrong as (
            select book, shop, customer, cause, min(named) as named, cast(sum(amount) as bigint) as amount
            from (
                select *, case when account in ('growth', 'granted') then 'growth' else 'points' end as book
                from ledger_entries where {condition}
            ) e
            group by book, shop, customer, cause having sum(amount) <> 0
        )
        select w.book, w.shop, w.customer, w.amount,
               coalesce(w.named, h.source || '#' || h.id, cast(w.cause as text)) as cause
        from wrong w left join history h on h.key = w.cause and w.named is null
        order by w.shop, w.customer, cause
        """,
        **bounds,
    )
