"""S1: every route of every service, asked by each caller who may not; and no field may be written that is not named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from common.http.api import api_keys_of
from common.http.callers import new_api_key, parts_of
from common.http.scopes import SCOPES

Apps = dict[str, FastAPI]
PUBLIC = {
    "orders-ingest": {
        "GET /health/live",
        "GET /health/ready",
        "POST /v1/shops/{shop}/webhooks/{vendor}",
    },
    "membership": {"GET /health/live", "GET /health/ready"},
    "segmentation": {"GET /health/live", "GET /health/ready"},
    "messaging": {
        "GET /health/live",
        "GET /health/ready",
        "GET /preferences/{token}",
        "POST /preferences/{token}",
        "GET /unsubscribe/{token}",
        "POST /unsubscribe/{token}",
        "GET /l/{token}",
        *("GET /inbox/{token}", "GET /inbox/{token}/unread", "POST /inbox/{token}/read"),
        "GET /q/{token}",
        *("POST /mail/reports/{token}", "POST /mail/answers/{token}"),
        "POST /sms/aliyun/receipts/{token}",
        "POST /sms/aliyun/replies/{token}",
        "POST /sms/twilio/receipts/{token}",
        "POST /sms/twilio/replies/{token}",
    },
    "feedback": {
        *("GET /health/live", "GET /health/ready"),
        *("GET /s/{token}", "POST /s/{token}", "GET /c/{token}", "POST /c/{token}"),
    },
}
"""What is open to everybody, each for its reason: a signature in the request or its address says who calls."""

GATEWAYS = ("/sms/", "/mail/answers/")


def operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def guarded(app: FastAPI) -> list[tuple[str, str]]:
    return [(method, path) for method, path, operation in operations(app) if operation.get("security")]


async def make_key(app: FastAPI, shop: str, scopes: list[str], **ends: Any) -> dict[str, str]:
    """The header of a key as it stands in the service's own table."""
    key = new_api_key()
    parts = parts_of(key)
    assert parts is not None
    runtime = app.state.runtime
    async with runtime.database.transaction() as tx:
        await tx.execute(
            """
            insert into api_keys (prefix, hash, shop, scopes, name, created_at, expires_at, revoked_at)
            values (:prefix, :hash, :shop, :scopes, 'of a test', :now, :expires_at, :revoked_at)
            """,
            prefix=parts[0],
            hash=api_keys_of(app).hash(parts[1]),
            shop=shop,
            scopes=scopes,
            now=runtime.clock.now(),
            **{"expires_at": None, "revoked_at": None} | ends,
        )
    return {"authorization": f"Bearer {key}"}


def filled(app: FastAPI, method: str, path: str, shop: str) -> str:
    """The path with something in each of its places: the shop, and `1`, which suits names and numbers."""
    found = path.replace("{shop}", shop)
    while "{" in found:
        found = found[: found.index("{")] + "1" + found[found.index("}") + 1 :]
    return found


async def ask(app: FastAPI, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.request(method, path, headers=headers)


async def test_what_is_open_to_everybody_is_listed_here(apps: Apps) -> None:
    """S1, SEC-001: a new public route is a decision that this list shows."""
    for service, app in apps.items():
        found = {f"{m} {p}" for m, p, operation in operations(app) if not operation.get("security")}
        assert found == PUBLIC[service], service


LABELS = re.compile(
    r"stage|life_cycle|rfm|segment|buyer_type|tribe|tag|churn|lifetime|taste|score|grade|vip|flow|campaign"
)


def properties(document: dict[str, Any], part: Any) -> Iterator[str]:
    """The names of all fields in a part of an OpenAPI document, whatever it refers to."""
    if isinstance(part, dict):
        yield from part.get("properties", {})
        if isinstance(reference := part.get("$ref"), str):
            yield from properties(document, document["components"]["schemas"][reference.rsplit("/", 1)[1]])
        for each in part.values():
            yield from properties(document, each)
    elif isinstance(part, list):
        for each in part:
            yield from properties(document, each)


async def test_what_is_open_to_everybody_tells_no_label(apps: Apps) -> None:
    """SEC-009: who holds a signed link learns nothing of what the shop calls its customers. Of names of fields; what
    values say is looked at in `services/messaging/tests/inbox/test_inbox.py`."""
    told = dict[str, list[str]]()
    for service, app in apps.items():
        document = app.openapi()
        for method, path, operation in operations(app):
            if f"{method} {path}" in PUBLIC[service]:
                named = set(properties(document, operation["responses"]))
                told |= {f"{method} {path}": found} if (found := sorted(filter(LABELS.search, named))) else {}
    assert told == {}
    document = apps["segmentation"].openapi()
    facts = document["paths"]["/v1/shops/{shop}/customers/{customer}"]["get"]["responses"]
    assert any(map(LABELS.search, properties(document, facts))), "the words are those of the fields"


@pytest.mark.slow
async def test_each_route_refuses_each_caller_who_may_not(apps: Apps) -> None:
    """S1, SEC-001: without a key, with one that ended, without the scope, of another shop; whatever else is sent."""
    wrong: list[str] = []
    for service, app in apps.items():
        now = app.state.runtime.clock.now()
        everything = sorted(SCOPES)
        keys = {
            "nobody": {},
            "revoked": await make_key(app, "*", ["*"], revoked_at=now - timedelta(days=1)),
            "expired": await make_key(app, "*", ["*"], expires_at=now - timedelta(seconds=1)),
            "unscoped": await make_key(app, "teahouse", []),
            "stranger": await make_key(app, "bookshop", everything),
        }
        for method, path in guarded(app):
            at = filled(app, method, path, "teahouse")
            for who, status in (("nobody", 401), ("revoked", 401), ("expired", 401), ("unscoped", 403)):
                answer = await ask(app, method, at, keys[who])
                if answer.status_code != status:
                    wrong.append(f"{service} {method} {path} {who}: {answer.status_code}")
            answer = await ask(app, method, at, keys["stranger"])
            expected = 404 if "{shop}" in path else 403 if path.startswith(("/ops/", "/metrics")) else None
            if expected is not None and answer.status_code != expected:
                wrong.append(f"{service} {method} {path} stranger: {answer.status_code}")
    assert wrong == []


@pytest.mark.slow
async def test_a_key_with_every_scope_but_the_one_is_refused(apps: Apps) -> None:
    """S1: the answer names the scope that a route wants; a key with all others does not open it, that one does."""
    wrong: list[str] = []
    for service, app in apps.items():
        unscoped = await make_key(app, "*", [])
        but: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        for method, path in guarded(app):
            at = filled(app, method, path, "teahouse")
            scope = (await ask(app, method, at, unscoped)).json()["scope"]
            if scope not in but:
                others = sorted(SCOPES.keys() - {scope})
                but[scope] = await make_key(app, "*", others), await make_key(app, "*", [scope])
            refused, taken = [(await ask(app, method, at, key)).status_code for key in but[scope]]
            if refused != 403 or taken in (401, 403):
                wrong.append(f"{service} {method} {path} {scope}: {refused}, {taken}")
    assert wrong == []


async def test_no_body_takes_a_field_that_is_not_named(apps: Apps) -> None:
    """S1: an extra writable field; within, `Body` sees to it. Gateways of mails and texts send what they like."""
    loose = []
    for service, app in apps.items():
        schemas = app.openapi()["components"]["schemas"]
        for method, path, operation in operations(app):
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = content.get("schema", {})
            schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            if (
                schema.get("type") == "object"
                and "additionalProperties" not in schema
                and not path.startswith(GATEWAYS)
            ):
                loose.append(f"{service} {method} {path}")
    assert loose == []
