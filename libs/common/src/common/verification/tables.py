"""Tables compared with what the log says, by pages and each page in a transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from common.verification.run import Verification

PAGE = 500
BLOCKS = 64
"""Of a table without a primary key: 512 KB at a time."""
Key = tuple[Any, ...]
Kept = tuple[tuple[str, ...], bytes | None]
"""A name, and what is kept of it (None: the name alone counts)."""
Row = tuple[Key, list[Kept]]
_TYPES = {str: "text", int: "bigint", UUID: "uuid", datetime: "timestamptz"}


async def pages_of(
    run: Verification, table: str, columns: str, key: Sequence[str], where: str = "true", limit: int = PAGE
) -> AsyncIterator[Sequence[Any]]:
    """The rows of a table by pages of at most `limit`, in order of its primary key, each page in its own transaction.

    `columns` and `where` are those of `t`; the columns hold the key's.
    """
    ordered = ", ".join(f"t.{name}" for name in key)
    begins = "true"
    params: dict[str, Any] = {}
    while True:
        async with run.database.transaction() as tx:
            # By primary key, so that each page starts where the last one ended.
            rows = await tx.fetch(
                f"select {columns} from {table} t where {begins} and {where} order by {ordered} limit :limit",
                limit=limit,
                **params,
            )
        if not rows:
            return
        params = {f"k{n}": getattr(rows[-1], name) for n, name in enumerate(key)}
        begins = f"({ordered}) > ({', '.join(f':{name}' for name in params)})"
        yield rows


class Rows(Protocol):
    """What is compared: `what` in a plural that is counted, `name` as a difference names it."""

    @property
    def what(self) -> str: ...
    @property
    def name(self) -> str: ...
    def pages(self, run: Verification) -> AsyncIterator[list[Row]]: ...
    async def again(self, run: Verification, rows: Sequence[Row]) -> list[Row]:
        """The same rows as they are now; one that is gone is left out."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows the log speaks of; `says` gives what one row says, each under its name.

    Columns are those of `t`; `key` is the primary key; `where` leaves out rows that the log does not speak of.
    """

    what: str
    name: str
    columns: str
    key: tuple[str, ...]
    says: Callable[[Any], Sequence[Kept]]
    where: str = "true"

    async def pages(self, run: Verification) -> AsyncIterator[list[Row]]:
        async for rows in pages_of(run, self.name, self.columns, self.key, self.where):
            yield [self._row(row) for row in rows]

    async def again(self, run: Verification, rows: Sequence[Row]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(rows), PAGE):
            keys = [key for key, _ in rows[start : start + PAGE]]
            types = [next(name for kind, name in _TYPES.items() if isinstance(value, kind)) for value in keys[0]]
            names = [f"k{n}" for n in range(len(types))]
            lists = ", ".join(f"cast(:{name} as {type_}[])" for name, type_ in zip(names, types, strict=True))
            joined = " and ".join(f"t.{column} = w.{name}" for column, name in zip(self.key, names, strict=True))
            async with run.database.transaction() as tx:
                # Rows that were read before, as they are now.
                now = await tx.fetch(
                    f"select {self.columns} from unnest({lists}) as w({', '.join(names)})"
                    f" join {self.name} t on {joined} where {self.where}",
                    **{name: [key[n] for key in keys] for n, name in enumerate(names)},
                )
            found += [self._row(row) for row in now]
        return found

    def _row(self, row: Any) -> Row:
        return tuple(getattr(row, name) for name in self.key), list(self.says(row))


@dataclass(frozen=True, slots=True)
class Appended(Table):
    """A table without a primary key, whose rows are never changed: read as they lie; `key` only names them."""

    async def pages(self, run: Verification) -> AsyncIterator[list[Row]]:
        block = 0
        while True:
            async with run.database.transaction() as tx:
                size = await tx.value("select pg_relation_size(cast(:name as regclass)) / 8192", name=self.name)
                if block >= size:
                    return
                # By where the rows lie: some blocks at a time, in no order.
                rows = await tx.fetch(
                    f"select {self.columns} from {self.name} t where {self.where}"
                    f" and t.ctid >= '({block},0)' and t.ctid < '({block + BLOCKS},0)'"
                )
            block += BLOCKS
            if rows:
                yield [self._row(row) for row in rows]

    async def again(self, run: Verification, rows: Sequence[Row]) -> list[Row]:
        return list(rows)
