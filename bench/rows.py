"""The rows that the product wrote, and the same ones written by COPY, which is the best that can be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from common.storage.migrate import driver_url

# Moved on at every batch, not written for each event; the bare runs leave them out, which only raises the limit. The
# shop is set up in both before, and the tallies are written by a trigger of the ledger, there as here.
_NOT_MODELLED = ("schema_migrations", "offsets", "shop_settings", "ledger_tallies")


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of one table, without the columns that the database fills in by itself."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


async def read_tables(url: str) -> list[Table]:
    """Every table that is not empty."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        # Generated columns and identities are the database's own work, in the product and here.
        found = await connection.fetch(
            """
            select table_name, array_agg(cast(column_name as text) order by ordinal_position) as columns
            from information_schema.columns join information_schema.tables using (table_schema, table_name)
            where table_schema = 'public' and table_type = 'BASE TABLE' and is_generated = 'NEVER'
              and is_identity = 'NO' and table_name <> all($1)
              and not exists (select from pg_class where relname = table_name and relispartition)
            group by table_name order by table_name
            """,
            list(_NOT_MODELLED),
        )
        tables = []
        for table in found:
            columns = ", ".join(f'"{name}"' for name in table["columns"])
            rows = await connection.fetch(f'select {columns} from "{table["table_name"]}"')
            if rows:
                tables.append(Table(table["table_name"], tuple(table["columns"]), [tuple(row) for row in rows]))
        return tables
    finally:
        await connection.close()


def counts(tables: Sequence[Table], events: int) -> Mapping[str, float]:
    """Rows for each event, by table."""
    return {table.name: round(len(table.rows) / events, 2) for table in tables}


class Copier:
    """Writes the model's rows in even shares: after all its `events`, each row was written once."""

    def __init__(self, connection: asyncpg.Connection, model: Sequence[Table], events: int) -> None:
        self._connection, self._model, self._events = connection, model, events
        self.done = 0

    async def copy(self, events: int) -> None:
        """The share of so many events, in one transaction."""
        first, last = self.done, min(self.done + events, self._events)
        self.done = last
        async with self._connection.transaction():
            for table in self._model:
                many = len(table.rows)
                rows = table.rows[first * many // self._events : last * many // self._events]
                if rows:
                    await self._connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
