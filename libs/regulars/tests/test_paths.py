"""Ids in addresses: whatever an identifier holds, the service is asked for that one and no other."""

from __future__ import annotations

import ast
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

import regulars
from common.events.fields import check_identifier
from common.values.paths import part
from regulars import report
from regulars.backups.redoing import do_again
from regulars.client import Services
from regulars.privacy.requests import collect, erase

AWKWARD = ["user%40example.com", "a?b", "..", ".", "a&unknown=true", "a;b", "李"]
PATHS = ("/v1/shops/", "/ops/", "{path}/", "{base}/")
"""How what is asked of a service begins in the operator's commands."""
PLAIN = {"part", "upload_name", "dead_id", "path", "base", "here", "number", "SHOP"}
"""What may stand in it: `part` of something, a name or number of ours, and what such a path was made of."""


@pytest.mark.parametrize(
    ("text", "segment"),
    [("a b", "a%20b"), ("a/b", "a%2Fb"), ("a#b", "a%23b"), ("a%40b", "a%2540b"), ("..", "%2E%2E"), ("李", "%E6%9D%8E")],
)
def test_an_id_is_one_segment_of_a_path(text: str, segment: str) -> None:
    assert part(text) == segment


def stack(asked: list[tuple[str, str]]) -> Services:
    """All services; notes method and path of each request, its segments as a service reads them."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        asked.append((request.method, " ".join(unquote(each) for each in path.split("/")[1:])))
        if path.endswith("/export"):
            return httpx.Response(200, json={"people": ["x"], "tables": ["orders"]})
        if path.endswith("/orders"):
            return httpx.Response(200, json={"rows": [], "next": None})
        if path == "/ops/pauses" or path.endswith("/permissions"):
            return httpx.Response(200, json=[])
        return httpx.Response(200, json={"people": ["x"], "completed_at": "x", "waiting_for": []})

    names = ("orders-ingest", "membership", "segmentation", "feedback", "messaging")
    transport = httpx.MockTransport(answer)
    return Services.of({name: httpx.AsyncClient(base_url="http://x", transport=transport) for name in names})


@pytest.mark.parametrize("customer", AWKWARD)
async def test_who_is_erased_is_who_asked_and_nobody_else(customer: str) -> None:
    """SEC-006: `user%40example.com` as it is would be read as `user@example.com`, whose keys would go for ever."""
    assert check_identifier(customer) == customer
    asked: list[tuple[str, str]] = []
    event = {"shop": "tea", "subject": customer, "time": "2026-11-30T12:00:00Z"}
    out = event | {"type": "contact.opted_out", "data": {"channel": "sms", "purpose": "marketing"}}
    async with stack(asked) as services:
        await erase(services, "tea", customer, 1)
        await do_again(services, [event | {"type": "customer.erased", "data": {}}, out])
        await collect(services, "tea", customer)
        await report._story(services, "/v1/shops/tea", customer)
    of_them = [(method, path) for method, path in asked if "customers" in path or "members" in path]
    assert ("POST", f"v1 shops tea customers {customer} erasure") in of_them
    assert ("GET", f"v1 shops tea customers {customer} permissions") in of_them
    assert ("GET", f"v1 shops tea customers {customer} export orders") in of_them
    assert ("GET", f"v1 shops tea members {customer} path") in of_them
    assert all(path.split()[4] == customer for _, path in of_them)


def _names(value: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}


def test_nothing_that_comes_from_outside_stands_in_a_path_as_it_is() -> None:
    wrong = []
    for file in Path(regulars.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.JoinedStr) or not ast.unparse(node)[2:].startswith(PATHS):
                continue
            wrong += [
                f"{file.name}:{node.lineno}: {ast.unparse(value)}"
                for value in node.values
                if isinstance(value, ast.FormattedValue) and not _names(value.value) & PLAIN
            ]
    assert wrong == []
