"""A service's customers verified by pages: folded anew as of one instant, and compared as rows with the topics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from common.events import CustomerKey
from common.storage.database import Transaction
from common.verification.run import Verification
from common.verification.tables import Row

PAGE = 200
"""Customers of one transaction: a second at most, also of those with thousands of rows."""
H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Customers(Generic[H]):
    """`tables`: those whose primary key begins with (shop, customer), so that rows of nobody are found.

    `read` gives the histories of some customers, all that is stored of them; `differences` a sentence for each thing
    in one that does not follow; `row` what the topics must say of it; `counted` how much of what it holds.
    """

    name: str
    tables: tuple[str, ...]
    read: Callable[[Transaction, Sequence[CustomerKey]], Awaitable[list[H]]]
    differences: Callable[[H], Iterable[str]]
    row: Callable[[H], Row]
    counted: Callable[[H], Mapping[str, int]]
    what: str = "customers"

    async def pages(self, run: Verification) -> AsyncIterator[list[Row]]:
        """Each page as of one instant; what does not follow from what is stored differs at once."""
        after: CustomerKey | None = ("", "")
        while after is not None:
            async with run.database.transaction() as tx:
                await tx.stand_still()
                keys = await _list_customers(tx, after)
                following = keys[-1] if len(keys) == PAGE else None
                for table in self.tables:
                    for row in await _list_strangers(tx, table, after, following):
                        run.differ(f"customer {row.customer} of {row.shop} has rows in {table} and is no customer")
                histories = await self.read(tx, keys)
            after = following
            for history in histories:
                for sentence in self.differences(history):
                    run.differ(sentence)
                for what, number in self.counted(history).items():
                    run.count(what, number)
            yield [self.row(history) for history in histories]

    async def again(self, run: Verification, rows: Sequence[Row]) -> list[Row]:
        """The same customers as they are now."""
        found: list[Row] = []
        for start in range(0, len(rows), PAGE):
            keys: list[CustomerKey] = [(shop, customer) for (shop, customer), _ in rows[start : start + PAGE]]
            async with run.database.transaction() as tx:
                await tx.stand_still()
                found += [self.row(history) for history in await self.read(tx, keys)]
        return found


async def _list_customers(tx: Transaction, after: CustomerKey) -> list[CustomerKey]:
    # By primary key, so that each page starts where the last one ended.
    rows = await tx.fetch(
        "select shop, customer from customers where (shop, customer) > (:shop, :customer) order by shop, customer "
        "limit :limit",
        shop=after[0],
        customer=after[1],
        limit=PAGE,
    )
    return [(r.shop, r.customer) for r in rows]


async def _list_strangers(
    tx: Transaction, table: str, after: CustomerKey, through: CustomerKey | None
) -> Sequence[Any]:
    """Who has rows between two customers and is no customer; `through` None: to the very end."""
    end = "" if through is None else "and (t.shop, t.customer) <= (:last_shop, :last_customer)"
    params = {} if through is None else {"last_shop": through[0], "last_customer": through[1]}
    # Both by primary key.
    return await tx.fetch(
        f"""
        select distinct t.shop, t.customer from {table} t
        where (t.shop, t.customer) > (:shop, :customer) {end}
          and not exists (select from customers c where c.shop = t.shop and c.customer = t.customer)
        """,
        shop=after[0],
        customer=after[1],
        **params,
    )
