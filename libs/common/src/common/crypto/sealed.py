"""Where bodies lie that the installation's master key sealed: found by their key, counted, and sealed anew (S6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from common.crypto.master import MasterKeys, head_of, sealed_with
from common.crypto.sealing import SealBroken
from common.storage.columns import Columns
from common.storage.database import Transaction

log = structlog.get_logger()
ROWS = 25
"""So many bodies are in memory at a time."""
MOST = 10_000
"""Of a key no more bodies are counted: whether there are any is what is asked, and a table may have any size."""
Row = tuple[object, ...]
"""What names a row."""


class Sealed(Protocol):
    """One kind of sealed bodies."""

    @property
    def name(self) -> str:
        """Table and column."""

    async def count(self, tx: Transaction) -> dict[str, int]:
        """Bodies by the id of the master key that sealed them; of each at most `MOST` where there may be many."""

    async def anew(self, tx: Transaction, master: MasterKeys, broken: set[Row]) -> int:
        """Seal some with the current key that a replaced one sealed; how many. Rows that another process has locked
        are passed over, and so are those that do not open, which are said once and added to `broken`."""


def head(column: str) -> str:
    """SQL of what a body in this column begins with, without what varies; the indexes are of this expression."""
    return f"substring(encode(substring({column} from 1 for 37), 'escape') from '^[^:]*:[^:]*')"


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that `MasterKeys.seal` filled. `row`: the columns that name a row, with their types; `place`: what the
    row's body is sealed to, of their values in this order.

    `waits`: its rows are gone before long, so they are counted and not sealed anew. Any other column of which there may
    be many rows has an index on `head(column)`.
    """

    table: str
    column: str
    purpose: str
    row: Mapping[str, str]
    place: Callable[..., str]
    waits: bool = False

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    async def count(self, tx: Transaction) -> dict[str, int]:
        if self.waits:
            # The whole table, when the operator asks: it holds what came within hours.
            counted = f"""
                select {head(self.column)} as head, count(*) as n from {self.table}
                where {self.column} is not null group by 1
            """
        else:
            # By the index, from one key to the next. What is known of how often each occurs is old once rows were
            # sealed anew, so the planner is not asked whether to read the table.
            await tx.execute("set local enable_seqscan = off")
            await tx.execute("set local enable_bitmapscan = off")
            those = f"from {self.table} where {self.column} is not null"
            counted = f"""
                with recursive heads as (
                    (select {head(self.column)} as head {those} order by 1 limit 1)
                    union all
                    select (select {head(self.column)} {those} and {head(self.column)} > h.head order by 1 limit 1)
                    from heads h where h.head is not null
                )
                select head, (
                    select count(*) from (select {those} and {head(self.column)} = heads.head limit {MOST}) as those
                ) as n
                from heads where head is not null
            """
        rows = await tx.fetch(counted)
        found = Counter[str]()
        for row in rows:
            found[sealed_with(f"{row.head}:".encode())] += row.n
        return found

    async def anew(self, tx: Transaction, master: MasterKeys, broken: set[Row]) -> int:
        if self.waits:
            return 0
        # By the index; few rows where there is none. Who writes to a row meanwhile waits, and writes over it whole.
        rows = await tx.fetch(
            f"""
            select {", ".join(self.row)}, {self.column} as body from {self.table}
            where {head(self.column)} = any(cast(:heads as text[])) and {self.column} is not null
            limit :limit for update skip locked
            """,
            heads=[head_of(key_id).decode().removesuffix(":") for key_id in master.replaced],
            limit=ROWS + len(broken),
        )
        sealed = []
        for row in rows:
            named = tuple(getattr(row, name) for name in self.row)
            if named not in broken:
                try:
                    body = master.reseal(self.purpose, bytes(row.body), aad=self.place(*named).encode())
                    sealed.append((*named, body))
                except SealBroken as error:
                    say_broken(self.name, named, error, broken)
        if not sealed:
            return 0
        columns = Columns("n", **self.row, body="bytea")
        # By the columns that name a row.
        return await tx.execute(
            f"""
            update {self.table} t set {self.column} = n.body from {columns}
            where {" and ".join(f"t.{name} = n.{name}" for name in self.row)}
            """,
            **columns.of(sealed),
        )


def say_broken(name: str, named: Row, error: SealBroken, broken: set[Row]) -> None:
    """Once in the life of a process."""
    broken.add(named)
    log.error("not_sealed_anew", what=name, row=" ".join(map(str, named)), detail=str(error))
