"""Compatibility of a schema with its released form: new readers read old events, and old readers the new ones.

jsoncompat decides on *closed* copies (no unknown fields), for an open schema says nothing about the fields it leaves
out. Our readers ignore unknown fields, so for "old reads new" the fields that the old schema does not know are taken
away first.
"""

from __future__ import annotations

from typing import Any, Literal

import orjson
from jsoncompat import check_compat

from common.contract.schemas import Schema

_NOTES = ("$schema", "$id", "$defs", "title", "description", "default", "examples")


def plain(schema: Schema) -> Schema:
    """The schema with its references written out, and without notes, which bind nobody."""
    return dict(_plain(schema, schema.get("$defs", {})))


def _plain(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**definitions[node["$ref"].rsplit("/", 1)[-1]], **rest}, definitions)
    out = {}
    for key, value in node.items():
        if key in ("properties", "patternProperties"):
            out[key] = {name: _plain(inner, definitions) for name, inner in value.items()}
        elif key not in _NOTES and not key.startswith("x-"):
            out[key] = _plain(value, definitions)
    return out


def closed(node: Any) -> Any:
    """A copy in which no object with named fields may hold others."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: closed(value) for key, value in node.items() if key != "properties"}
    if "properties" in node:
        out["properties"] = {name: closed(inner) for name, inner in node["properties"].items()}
        out["additionalProperties"] = False
    return out


def known_to(old: Any, new: Any) -> Any:
    """The new schema without the fields that a reader of the old one ignores."""
    if isinstance(old, list) and isinstance(new, list):
        return [known_to(a, b) for a, b in zip(old, new, strict=True)] if len(old) == len(new) else new
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    out = {key: known_to(old.get(key), value) for key, value in new.items() if key != "properties"}
    if "properties" in new:
        fields = old.get("properties", {})
        out["properties"] = {n: known_to(fields[n], inner) for n, inner in new["properties"].items() if n in fields}
        if "required" in new:
            out["required"] = [name for name in new["required"] if name in fields]
    return out


def new_reads_old(old: Schema, new: Schema) -> bool:
    """Differences that would keep a service of today from reading events of the old schema."""
    before, after = plain(old), plain(new)
    # A field that is gone is ignored by today's readers, like any unknown one.
    return _check(known_to(after, before), after, "deserializer")


def old_reads_new(old: Schema, new: Schema) -> bool:
    """Differences that would keep a service not updated yet from reading events of the new schema."""
    before, after = plain(old), plain(new)
    return _check(before, known_to(before, after), "serializer")


def _check(old: Any, new: Any, role: Literal["serializer", "deserializer"]) -> bool:
    written, read = (old, new) if role == "deserializer" else (new, old)
    if not _forms_hold(_forms(written), _forms(read)):
        return False
    return check_compat(orjson.dumps(closed(old)).decode(), orjson.dumps(closed(new)).decode(), role)


def _forms(node: Any, path: str = "") -> dict[str, set[str]]:
    """Path -> `pattern` and `format` required there, which jsoncompat does not compare; alternatives share a path."""
    found: dict[str, set[str]] = {}
    if isinstance(node, list):
        inner = [_forms(item, path) for item in node]
    elif isinstance(node, dict):
        found[path] = {f"{key} {node[key]}" for key in ("pattern", "format") if isinstance(node.get(key), str)}
        inner = [_forms(value, f"{path}/{key}") for key, value in node.get("properties", {}).items()]
        inner += [_forms(node[key], path) for key in ("anyOf", "oneOf", "allOf", "items", "prefixItems") if key in node]
    else:
        return found
    for forms in inner:
        for where, what in forms.items():
            found.setdefault(where, set()).update(what)
    return found


def _forms_hold(written: dict[str, set[str]], read: dict[str, set[str]]) -> bool:
    """Whatever form a reader requires, the writer kept to."""
    return all(needed <= written[where] for where, needed in read.items() if where in written)


def breaks(name: str, old: Schema, new: Schema) -> list[str]:
    """What is wrong with changing the released schema `name` into `new`: sentences, none when nothing is."""
    found = []
    if not new_reads_old(old, new):
        found.append(f"{name}: a reader of today refuses events that were written by the released schema")
    if not old_reads_new(old, new):
        found.append(f"{name}: a reader of the released schema refuses events that would be written today")
    for mark in ("x-topic", "x-rank"):
        if old.get(mark) != new.get(mark):
            found.append(f"{name}: {mark[2:]} was {old.get(mark)} and may not become {new.get(mark)}")
    return found
