"""SEC-004, SEC-012: who of the shop's people does something is never what a body says alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from .test_callers import operations

PEOPLE = re.compile(r"by|.+_by|author|approver|agent|operator|staff|person")
DATA = {"promised_by", "sent_by", "extended_by", "shared_by", "agent"}
"""A time, a side of a campaign, a programme's two; and whom a customer's survey is about."""
QUERIES = {
    *("layout", "name", "currency", "zone", "encoding", "columns", "decimals"),
    *("job", "shop", "address", "replaces", "unknown"),
}
"""How a file is read; which of an operator's work, pauses and addresses; the version that was read; and whether a
customer is erased of whom nothing is known."""


def named(document: dict[str, Any], part: Any, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Name and schema of all fields that a part of an OpenAPI document has, whatever it refers to."""
    if isinstance(part, dict):
        yield from part.get("properties", {}).items()
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            target = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
            yield from named(document, target, seen | {reference})
        for each in part.values():
            yield from named(document, each, seen)
    elif isinstance(part, list):
        for each in part:
            yield from named(document, each, seen)


async def test_every_field_that_names_who_does_it_bears_the_key_that_says_so(apps: dict[str, FastAPI]) -> None:
    """Such a field of a body or query is `common.http.staff.Staff`; a new one joins by its name."""
    found, loose = 0, set[str]()
    for service, app in apps.items():
        document = app.openapi()
        for method, path, operation in operations(app):
            asked = [*named(document, operation.get("requestBody", {}))]
            if method != "GET":
                asked += [(each["name"], each) for each in operation.get("parameters", []) if each["in"] == "query"]
            for name, schema in asked:
                if PEOPLE.fullmatch(name) and name not in DATA:
                    found += 1
                    if "people:vouch" not in json.dumps(schema):
                        loose.add(f"{service} {method} {path} {name}")
    assert loose == set()
    assert found > 30, "the words are those of the fields"


async def test_what_else_a_query_of_a_change_asks_names_nobody(apps: dict[str, FastAPI]) -> None:
    """A parameter that is on no list may name somebody by another word: it is a `by`, or joins the list."""
    asked = {
        each["name"]
        for app in apps.values()
        for method, _, operation in operations(app)
        for each in operation.get("parameters", [])
        if method != "GET" and each["in"] != "path"
    }
    assert asked - {"by"} == QUERIES
