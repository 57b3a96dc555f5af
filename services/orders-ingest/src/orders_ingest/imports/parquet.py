"""Parquet files, read row by row as lines of JSON: what reads these reads them; in the memory of one batch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from arro3.io import read_parquet

from common.refusals import Invalid

MARK = b"PAR1"
"""The first bytes of such a file."""
_LONGEST_DETAIL = 200


class BrokenParquet(Invalid):
    """The file begins as Parquet does, and cannot be read as that."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("broken_parquet", f"the Parquet file is cut off or broken: {str(error)[:_LONGEST_DETAIL]}")


class UnknownValue(Invalid):
    """A column holds what is no text, number, time or list of these; read as something else it would name others."""

    def __init__(self, column: str, value: object) -> None:
        kind = "bytes that are no UTF-8" if isinstance(value, bytes) else f"values of the kind {type(value).__name__}"
        detail = f"the Parquet column {column[:100]!r} holds {kind}: write it as text, or leave it out"
        super().__init__("unreadable_column", detail)


class _Unknown(ValueError):
    """Of `value`."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def json_lines(path: Path) -> Iterator[str]:
    """Each row as a JSON object. Raises BrokenParquet, UnknownValue.

    Numbers stand as they are in the file, decimals with all their places; times as ISO texts, those without a zone
    without one; bytes, as which some programs write texts, as UTF-8; what is missing, or no number, is null.
    """
    batches = _batches(path)
    while (batch := next(batches, None)) is not None:
        names = [json.dumps(name) for name in batch.schema.names]
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            try:
                line = "{" + ",".join(f"{name}:{_json(value)}" for name, value in zip(names, row, strict=True)) + "}"
            except _Unknown as error:
                raise UnknownValue(_column_of(error.value, batch.schema.names, row), error.value) from None
            yield line


def _column_of(value: object, names: list[str], row: tuple[Any, ...]) -> str:
    return next((name for name, cell in zip(names, row, strict=True) if cell is value), "of lists")


def _batches(path: Path) -> Iterator[Any]:
    try:
        yield from read_parquet(str(path))
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # of a broken file the library panics, which is no Exception
        raise BrokenParquet(error) from None


def _json(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "null"
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else "null"
    if isinstance(value, datetime | date):
        return json.dumps(value.isoformat())
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        try:
            return json.dumps(value.decode(), ensure_ascii=False)
        except UnicodeDecodeError:
            pass
    raise _Unknown(value)
