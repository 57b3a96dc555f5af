"""What another service says of each customer: the newest revision, in one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class NewestTable:
    """The table `name` (shop, customer, revision, `columns`; primary key shop, customer); SQL types by column."""

    name: str
    columns: Mapping[str, str]

    async def save(self, tx: Transaction, said: Iterable[tuple[CustomerKey, int, tuple[Any, ...]]]) -> None:
        """Keep what is said of each customer by its revision. Idempotent, in any order."""
        newest: dict[CustomerKey, tuple[int, tuple[Any, ...]]] = {}
        for key, revision, values in said:
            if key not in newest or revision > newest[key][0]:
                newest[key] = revision, values
        rows = Columns("n", shop="text", customer="text", revision="bigint", **self.columns)
        names = ("revision", *self.columns)
        # The highest revision counts, in whatever order they come.
        await tx.execute(
            f"""
            insert into {self.name} as t (shop, customer, {", ".join(names)}) select * from {rows}
            on conflict (shop, customer) do update set {", ".join(f"{name} = excluded.{name}" for name in names)}
            where excluded.revision > t.revision
            """,
            **rows.of((*key, revision, *values) for key, (revision, values) in newest.items()),
        )

    async def get(self, tx: Transaction, customer: CustomerKey) -> Row[Any] | None:
        """The columns of one customer; None where nothing was said."""
        return await tx.fetch_one(
            f"select {', '.join(self.columns)} from {self.name} where shop = :shop and customer = :customer",
            shop=customer[0],
            customer=customer[1],
        )
