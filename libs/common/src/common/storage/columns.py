"""Rows passed to a set-wise statement as one array a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class Columns:
    """The columns of an alias and their PostgreSQL types; written into SQL as its source of rows.

    ``NEW = Columns("n", shop="text", customer="text", at="timestamptz")`` stands in a statement as ``from {NEW}``,
    with the parameters ``**NEW.of([(shop, customer, at), …])``: tuples in the order of the columns.
    """

    def __init__(self, alias: str, /, **types: str) -> None:
        self._alias, self._types = alias, types

    def __str__(self) -> str:
        arrays = ", ".join(f"cast(:{self._alias}_{name} as {kind}[])" for name, kind in self._types.items())
        return f"unnest({arrays}) as {self._alias}({', '.join(self._types)})"

    def of(self, rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
        """The parameters. Raises ValueError when a row has not as many values as there are columns."""
        names = [f"{self._alias}_{name}" for name in self._types]
        # Turned on its side within C; both zips see to it that every row has as many values as there are columns.
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
        return dict(zip(names, columns, strict=True))
