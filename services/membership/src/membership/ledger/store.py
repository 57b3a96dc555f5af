"""The rows of the two ledgers, of points and of growth, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.fold.folding import Step
from common.storage.database import Transaction
from membership.histories.ranges import within
from membership.ledger.legs import Balances, Book, Posting

_TABLES: tuple[tuple[Book, str, str], ...] = (
    ("points", "ledger_entries", "lot"),
    ("growth", "growth_entries", "origin"),
)
"""Each book, its table, and the column that says what an amount was earned by."""


async def insert_legs(tx: Transaction, steps: Sequence[Step]) -> None:
    """Append what the steps posted, each posting to its own ledger."""
    for book, table, earned_by in _TABLES:
        await tx.copy(
            table,
            ("shop", "customer", "account", earned_by, "amount", "cause", "correction", "occurred_at"),
            [
                (*step.customer, leg.account, leg.lot, leg.amount, step.cause, step.correction, effect.at)
                for step in steps
                for effect in step.effects
                if isinstance(effect.data, Posting) and effect.data.book == book
                for leg in effect.data.legs
            ],
        )


async def list_ledger(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    # A page of a member's entries, oldest first.
    return await tx.fetch(
        """
        select entry, account, lot, amount, cause, correction, occurred_at, recorded_at
        from ledger_entries where shop = :shop and customer = :customer and entry > :after order by entry limit :limit
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def list_growth(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    # A page of what raised and lowered a member's growth value: the member's side alone, oldest first.
    return await tx.fetch(
        """
        select entry, origin, amount, cause, correction, occurred_at, recorded_at from growth_entries
        where shop = :shop and customer = :customer and account = 'growth' and entry > :after
        order by entry limit :limit
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def sum_accounts(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> dict[CustomerKey, Balances]:
    """What both ledgers come to, of the customers behind `after` through `last`: every balance other than zero."""
    condition, bounds = within(after, last)
    # No account stands in both ledgers.
    rows = await tx.fetch(
        f"""
        select shop, customer, account, lot, cast(sum(amount) as bigint) as balance from ledger_entries
        where {condition} group by shop, customer, account, lot having sum(amount) <> 0
        union all
        select shop, customer, account, origin, cast(sum(amount) as bigint) from growth_entries
        where {condition} group by shop, customer, account, origin having sum(amount) <> 0
        """,
        **bounds,
    )
    sums: dict[CustomerKey, Balances] = {}
    for row in rows:
        sums.setdefault((row.shop, row.customer), {})[row.account, row.lot] = row.balance
    return sums


async def wrong_tallies(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Customers behind `after` through `last` of whom a ledger holds other entries than were posted: none must be."""
    condition, bounds = within(after, last)
    # Each book is counted and summed as it stands, then compared with what was tallied when it was written.
    return await tx.fetch(
        f"""
        with found as (
            select shop, customer, 'points' as book, count(*) as entries,
                   sum(entry_hash(account, lot, amount, cause, correction, occurred_at)) as checksum
            from ledger_entries where {condition} group by shop, customer
            union all
            select shop, customer, 'growth', count(*),
                   sum(entry_hash(account, origin, amount, cause, correction, occurred_at))
            from growth_entries where {condition} group by shop, customer
        ), tallied as (select * from ledger_tallies where {condition})
        select shop, customer, book, coalesce(f.entries, 0) as entries, coalesce(t.entries, 0) as posted
        from found f full join tallied t using (shop, customer, book)
        where f.checksum is distinct from t.checksum or f.entries is distinct from t.entries
        order by shop, customer, book
        """,
        **bounds,
    )


async def unbalanced_causes(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Causes whose legs do not sum to zero, of the customers behind `after` through `last`; there must be none."""
    condition, bounds = within(after, last)
    # A cause balances within each ledger by itself.
    return await tx.fetch(
        f"""
        select 'points' as book, shop, customer, cause, cast(sum(amount) as bigint) as amount from ledger_entries
        where {condition} group by shop, customer, cause having sum(amount) <> 0
        union all
        select 'growth', shop, customer, cause, cast(sum(amount) as bigint) from growth_entries
        where {condition} group by shop, customer, cause having sum(amount) <> 0
        order by shop, customer, cause
        """,
        **bounds,
    )
