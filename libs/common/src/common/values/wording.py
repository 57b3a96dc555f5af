"""What is wrong with a body, in the words of its fields: JSON pointer, reason, and what a misspelt name meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from common.values.texts import pointer_to

_SHOULD = re.compile(r"^(?:Input|Value|String|List|Tuple|Set|Dictionary|Datetime|Date) should (?:be |have )")
_OWN_WORDS = {
    "missing": "is missing; send it",
    "string_type": "must be a text",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be an array",
    "tuple_type": "must be an array",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "string_pattern_mismatch": "is not of the form that the schema asks for; see /docs",
    "string_unicode": "holds half a surrogate pair; leave it out",
}


def sentence_of(error: Any, names: Iterable[str] = ()) -> str:
    """One error of pydantic in plain words; `names`: the fields that there are beside an unknown one."""
    kind, message = error["type"], str(error["msg"])
    if kind == "extra_forbidden":
        return misspelt(str(error["loc"][-1]), names)
    if kind == "union_tag_not_found":
        return f"say which it is, in the field {str(error['ctx']['discriminator']).replace(chr(39), '`')}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind in _OWN_WORDS:
        return _OWN_WORDS[kind]
    if kind in ("too_long", "too_short") and isinstance(error.get("input"), str):
        # Of a text whose length is looked at after a validator of ours, pydantic counts items.
        bound, length = ("most", "max_length") if kind == "too_long" else ("least", "min_length")
        return f"must have at {bound} {error['ctx'][length]} characters"
    match = _SHOULD.match(message)
    if match is None:
        return message[:1].lower() + message[1:]
    return ("must have " if match[0].endswith("have ") else "must be ") + message[match.end() :]


def misspelt(name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    nearest = difflib.get_close_matches(name, known, 1, 0.5)
    if nearest:
        return f"there is no such field; did you mean `{nearest[0]}`?"
    return "there is no such field; leave it out" + (f"; there are {', '.join(known[:30])}" if known else "")


def found(errors: Iterable[Any], model: Any = None) -> list[tuple[str, str]]:
    """(pointer, words) of each of pydantic's errors; `model`: what the value was read as."""
    schema = _schema_of(model) if model is not None else {}
    return [(pointer_to(*e["loc"]), sentence_of(e, _fields(schema, e["loc"][:-1]))) for e in errors]


def unknown_field(value: Any, model: Any) -> tuple[str, str] | None:
    """(pointer, words) of the first field of a decoded JSON value that the model does not have."""
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), value)]
    while waiting:
        path, inner = waiting.pop()
        if isinstance(inner, list):
            waiting += [((*path, number), item) for number, item in enumerate(inner)]
        elif isinstance(inner, dict):
            # Items of one array have the same fields.
            names = _names_at(model, tuple(0 if isinstance(part, int) else part for part in path))
            for name, item in inner.items():
                if names and name not in names:
                    return pointer_to(*path, name), misspelt(name, names)
                waiting.append(((*path, name), item))
    return None


@lru_cache(256)
def _schema_of(model: Any) -> dict[str, Any]:
    return TypeAdapter(model).json_schema()


@lru_cache(4096)
def _names_at(model: Any, path: tuple[Any, ...]) -> frozenset[str]:
    return frozenset(_fields(_schema_of(model), path))


def _fields(schema: dict[str, Any], path: Sequence[Any]) -> set[str]:
    """The names of the fields of the object at that path of a JSON schema."""
    nodes = list(_variants(schema, schema))
    for part in path:
        inner = [
            n.get("properties", {}).get(part) or (n.get("items") if isinstance(part, int) else None) for n in nodes
        ]
        # A part may also name a variant of a union, which is no part of the value.
        nodes = [v for i in inner if isinstance(i, dict) for v in _variants(i, schema)] or nodes
    return {name for node in nodes for name in node.get("properties", {})}


def _variants(node: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in node:
        node = root.get("$defs", {}).get(node["$ref"].rpartition("/")[2], {})
    yield node
    for inner in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
        yield from _variants(inner, root)
