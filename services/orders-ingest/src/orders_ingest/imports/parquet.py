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


def json_lines(path: Path) -> Iterator[str]:
    """Each row as a JSON object. Raises BrokenParquet.

    Numbers stand as they are in the file, decimals with all their places; times as ISO texts, those without a zone
    without one; what is missing, or no number, is null.
    """
    batches = _batches(path)
    while (batch := next(batches, None)) is not None:
        names = [json.dumps(name) for name in batch.schema.names]
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield "{" + ",".join(f"{name}:{_json(value)}" for name, value in zip(names, row, strict=True)) + "}"


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
    return json.dumps(str(value))
