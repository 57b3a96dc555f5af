"""Rows passed to a set-wise statement, a column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_BETWEEN, _NULL = "\x1f", "\x1e"


class Columns:
    """The columns of an alias and their PostgreSQL types; written into SQL as its source of rows.

    ``NEW = Columns("n", shop="text", customer="text", at="timestamptz")`` stands in a statement as ``from {NEW}``,
    with the parameters ``**NEW.of([(shop, customer, at), …])``: tuples in the order of the columns.

    A column goes as an array. One of texts goes as one text where no value holds what stands between them: the driver
    asks of each element of an array whether it is one itself, which doubles what a value costs.
    """

    def __init__(self, alias: str, /, **types: str) -> None:
        self._alias, self._types = alias, types
        self._texts = {f"{alias}_{name}" for name, kind in types.items() if kind == "text"}

    def __str__(self) -> str:
        arrays = ", ".join(self._array(f"{self._alias}_{name}", kind) for name, kind in self._types.items())
        return f"unnest({arrays}) as {self._alias}({', '.join(self._types)})"

    def _array(self, name: str, kind: str) -> str:
        array = f"cast(:{name} as {kind}[])"
        if name not in self._texts:
            return array
        return f"coalesce(string_to_array(cast(:{name}_joined as text), e'\\x1f', e'\\x1e'), {array})"

    def of(self, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
        """The parameters. Raises ValueError when a row has not as many values as there are columns."""
        names = [f"{self._alias}_{name}" for name in self._types]
        # Turned on its side within C; both zips see to it that every row has as many values as there are columns.
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
        params: dict[str, Any] = dict(zip(names, columns, strict=True))
        for name in self._texts:
            params[f"{name}_joined"] = joined = _joined(params[name])
            if joined is not None:
                params[name] = None
        return params


def _joined(values: list[str | None]) -> str | None:
    """The values in one text, as string_to_array takes them apart; None where they cannot be told apart in it."""
    if values == [""]:
        return None  # as no value at all
    texts = [_NULL if value is None else value for value in values]
    joined = _BETWEEN.join(texts)
    nulls = values.count(None)
    apart = joined.count(_BETWEEN) == max(len(values) - 1, 0) and joined.count(_NULL) == nulls
    return joined if apart else None
