"""JSON Lines in the generic layout: an object a line, an order with its `lines` in it, or a line of an order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from orders_ingest.imports.layouts.layout import Findings, History
from orders_ingest.imports.layouts.orders.columns import fields_of, find_columns
from orders_ingest.imports.lines import Broken, TooLong

MARKED = frozenset({"goods_paid", "freight", "quantity", "unit_price", "paid"})
"""Fields whose texts have a decimal mark; all others name something."""
LINES = ("lines", "line_items", "items")
OF_A_LINE = frozenset({"sku", "name", "category", "brand", "quantity", "unit_price", "paid"})

Found = tuple[int, str, list[dict[str, str]] | TooLong | Broken]
"""The number of a line, its text, and the rows that it makes."""


def is_json(first: str) -> bool:
    """Whether a file that begins with this line is JSON Lines: no heading of a CSV file begins so."""
    return first.lstrip().startswith("{")


def json_rows(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Found]:
    """The rows of each line that is not empty. Raises UnreadableFile where the first object has not what is needed."""
    mark = "," if history.decimals == "comma" else "."
    for number, line in enumerate(lines, 1):
        if isinstance(line, TooLong):
            yield number, line.text, line
            continue
        if not line.strip():
            continue
        try:
            order = _decoder.decode(line)
            if not isinstance(order, dict):
                raise ValueError("a line is an object")
            if not findings.columns:
                keys = list(dict.fromkeys(chain(order, *_lines_in(order))))
                places = find_columns(keys, history.columns).places
                findings.columns = {field: keys[at] for field, at in places.items()}
            yield number, line, _rows_of(order, history.columns, mark)
        except (ValueError, RecursionError) as error:
            why = str(error) if not isinstance(error, RecursionError | json.JSONDecodeError) else "it is no JSON object"
            yield number, line, Broken(line, why)


class _Fraction(str):
    """A number with a point, as it is written."""

    __slots__ = ()


_decoder = json.JSONDecoder(parse_int=str, parse_float=_Fraction)


def _rows_of(order: dict[str, Any], corrected: Mapping[str, str], mark: str) -> list[dict[str, str]]:
    """One row, or one for each of its lines, of which the first says what is the order's. Raises ValueError."""
    lines = _lines_in(order)
    if not lines:
        return [_texts(order, corrected, mark)]
    whole = {name: value for name, value in order.items() if name not in LINES}
    head = {field: text for field, text in _texts(whole, corrected, mark).items() if field not in OF_A_LINE}
    found = [
        {field: text for field, text in _texts(line, corrected, mark).items() if field in OF_A_LINE} for line in lines
    ]
    return [{**head, **found[0]}, *({"order_id": head.get("order_id", ""), **line} for line in found[1:])]


def _lines_in(order: dict[str, Any]) -> list[dict[str, Any]]:
    name = next((name for name in LINES if name in order), None)
    lines = order[name] if name is not None else []
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ValueError(f"{name} is no list of objects")
    return lines


def _texts(item: Mapping[str, Any], corrected: Mapping[str, str], mark: str) -> dict[str, str]:
    """The fields that say something; keys that are none are passed over, as columns of other names are.

    Amounts that are numbers get the mark of those that the file writes as texts.
    """
    found: dict[str, str] = {}
    for field, key in fields_of(item, corrected).items():
        value = item[key]
        if value is None:
            continue
        if not isinstance(value, str):
            raise ValueError(f"{key[:100]} is neither a text nor a number")
        amount = isinstance(value, _Fraction) and field in MARKED
        if text := (value.replace(".", mark) if amount else value).strip():
            found[field] = text
    return found
