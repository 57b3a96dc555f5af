"""A direct route answers every request as FastAPI's own way of calling the same endpoint does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from common.http.api import Caller, DirectRoute, Route, UnguardedRoute, assert_scoped, require
from common.refusals import Conflict

JSON = {"content-type": "application/json"}
Writer = Annotated[Caller, require("things:write", set_up=False)]


async def take(shop: str, request: Request, caller: Writer) -> Response:
    """Says what it was called with; refuses `no`, breaks at `bug`."""
    body = await request.body()
    if body == b'"no"':
        raise Conflict("not_this_one", "Send another one.")
    if body == b'"bug"':
        raise RuntimeError("the password is hunter2")
    return Response(f"{shop} {caller.key_id} {body.decode()}", 202)


@pytest_asyncio.fixture
async def both(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The endpoint twice: under /direct and, as FastAPI calls it, under /solved. Carries no key."""
    extra = {"requestBody": {"required": True, "content": {"application/json": {}}}}
    for name, kind in (("direct", DirectRoute), ("solved", Route)):
        routes = APIRouter(route_class=kind)
        routes.post(f"/v1/shops/{{shop}}/{name}", name=name, openapi_extra=extra)(take)
        app.include_router(routes)
    assert_scoped(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "taken": ("POST", "demo", {"content": b"1", "headers": JSON}),
    "another kind of JSON": ("POST", "demo", {"content": b"1", "headers": {"content-type": "application/x+json"}}),
    "refused": ("POST", "demo", {"content": b'"no"', "headers": JSON}),
    "a mistake of ours": ("POST", "demo", {"content": b'"bug"', "headers": JSON}),
    "no JSON": ("POST", "demo", {"content": b"1", "headers": {"content-type": "text/plain"}}),
    "no kind": ("POST", "demo", {"content": b"1"}),
    "nothing": ("POST", "demo", {}),
    "another's shop": ("POST", "other", {"content": b"1", "headers": JSON}),
    "a shop of no name": ("POST", "de%20mo", {"content": b"1", "headers": JSON}),
    "another method": ("GET", "demo", {}),
    "a correlation": ("POST", "demo", {"content": b"1", "headers": {**JSON, "x-correlation-id": "c-1"}}),
    "too deep": ("POST", "demo", {"content": b"[" * 70 + b"]" * 70, "headers": JSON}),
    "packed": ("POST", "demo", {"content": b"1", "headers": {**JSON, "content-encoding": "gzip"}}),
}


TAKEN = {"taken", "another kind of JSON", "nothing", "a correlation"}


@pytest.mark.parametrize("key", ["good", "lower case", "two spaces", "no scope", "unknown", "basic", "none", "empty"])
async def test_both_ways_answer_alike(key: str, both: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    authorization = await _authorization(client, key)
    for case, (method, shop, sent) in REQUESTS.items():
        request = {**sent, "headers": {**authorization, **sent.get("headers", {})}}
        direct, solved = [
            await both.request(method, f"/v1/shops/{shop}/{name}", **request) for name in ("direct", "solved")
        ]
        assert _steady(direct) == _steady(solved), case
        good = key in ("good", "lower case", "two spaces")
        assert (direct.status_code == 202) == (case in TAKEN and good), (case, direct.text)


@pytest.mark.parametrize("name", ["direct", "solved"])
@pytest.mark.parametrize("key", ["no scope", "unknown", "basic", "none", "empty"])
async def test_the_body_of_a_caller_who_may_not_send_it_is_not_read(
    name: str, key: str, app: FastAPI, both: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    """S1: whatever is wrong with it, the key is what the answer is about."""

    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("nobody may read it")
        yield b""

    for kind in (JSON, {"content-type": "text/plain"}, {}, {**JSON, "content-encoding": "gzip"}):
        headers = {**await _authorization(client, key), **kind}
        answer = await both.post(f"/v1/shops/demo/{name}", content=body(), headers=headers)
        assert answer.status_code == (403 if key == "no scope" else 401), answer.text


async def _authorization(client: httpx.AsyncClient, key: str) -> dict[str, str]:
    if key == "none":
        return {}
    scopes = ["things:read"] if key == "no scope" else ["things:write"]
    made = await client.post("/v1/keys", json={"name": "t", "shop": "demo", "scopes": scopes})
    text = {"unknown": "rk_zzzzzzzz_" + "a" * 43, "empty": ""}.get(key, made.json()["key"])
    scheme = {"lower case": "bearer", "basic": "Basic", "two spaces": "Bearer "}.get(key, "Bearer")
    return {"authorization": f"{scheme} {text}"}


def _steady(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """Without a new correlation id, the path's last part, and the length, which that is part of."""
    headers = {name: text for name, text in answer.headers.items() if name != "content-length" and len(text) != 36}
    return answer.status_code, answer.text.replace("/solved", "/direct"), headers


def test_a_direct_route_that_depends_on_more_than_it_calls_fails_the_build(app: FastAPI) -> None:
    async def more(request: Request) -> None: ...

    routes = APIRouter(route_class=DirectRoute)
    routes.post("/v1/shops/{shop}/direct")(take)
    app.include_router(routes, dependencies=[Depends(more)])
    with pytest.raises(UnguardedRoute, match="nothing else"):
        assert_scoped(app)
