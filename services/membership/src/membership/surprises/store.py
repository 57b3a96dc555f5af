"""The rows of surprises, and of what each month has spent on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")


async def get_surprise(tx: Transaction, shop: str, command_id: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        "select * from surprises where shop = :shop and command_id = :id", shop=shop, id=command_id
    )


async def spend(tx: Transaction, shop: str, month: date, currency: str, value: int, budget: int) -> int | None:
    """What is left of the month's budget after it; None where that does not suffice, and nothing is spent.

    What was given in another currency takes nothing of it: no rate is known (decision 0070).
    """
    # The month's row is made, and locked by whoever comes first.
    await tx.execute(
        "insert into surprise_months (shop, month, currency) values (:shop, :month, :currency) on conflict do nothing",
        shop=shop,
        month=month,
        currency=currency,
    )
    # Spent where it fits: of two at once the second sees what the first has spent.
    spent = await tx.value(
        """
        update surprise_months set spent = spent + :value
        where shop = :shop and month = :month and currency = :currency and spent + :value <= :budget returning spent
        """,
        shop=shop,
        month=month,
        currency=currency,
        value=value,
        budget=budget,
    )
    return None if spent is None else budget - int(spent)


async def spent_in(tx: Transaction, shop: str, month: date, currency: str) -> int:
    # By the primary key.
    found = await tx.value(
        "select spent from surprise_months where shop = :shop and month = :month and currency = :currency",
        shop=shop,
        month=month,
        currency=currency,
    )
    return int(found or 0)


async def count_since(tx: Transaction, shop: str, people: Collection[str], since: datetime) -> int:
    # By the index of the customer; the survivor's row is locked.
    return int(
        await tx.value(
            "select count(*) from surprises where shop = :shop and customer = any(:people) and at > :since",
            shop=shop,
            people=sorted(people),
            since=since,
        )
    )


async def insert_surprise(tx: Transaction, **row: Any) -> bool:
    """False where there is one of that id."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into surprises (shop, customer, command_id, what, value, currency, month, by, at)
        values (:shop, :customer, :command_id, :what, :value, :currency, :month, :by, :at) on conflict do nothing
        """,
        **row,
    )
    return count == 1


async def list_surprises(
    tx: Transaction, shop: str, people: Collection[str] | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A page in order of their ids, of the shop or of one person."""
    # By the primary key, those of a person by their index.
    return await tx.fetch(
        f"""
        select * from surprises where shop = :shop and command_id > :after
        {"" if people is None else "and customer = any(:people)"} order by command_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **({} if people is None else {"people": sorted(people)}),
    )


async def wrong(tx: Transaction) -> Sequence[Row[Any]]:
    """Months whose spending is not the sum of their surprises."""
    # Reads both tables whole: for verify alone.
    return await tx.fetch(
        """
        select m.shop, m.month, m.currency, m.spent, coalesce(sum(s.value), 0) as summed
        from surprise_months m
        left join surprises s on s.shop = m.shop and s.month = m.month and s.currency = m.currency
        group by m.shop, m.month, m.currency, m.spent having m.spent <> coalesce(sum(s.value), 0)
        """
    )


async def blank(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """What these customers were given is not told any more; that something was, and its value, stays."""
    # By the index of the customer.
    await tx.execute(
        f"update surprises s set what = '' from {_CUSTOMERS} where s.shop = w.shop and s.customer = w.customer",
        **_CUSTOMERS.of(sorted(set(customers))),
    )
