"""Every route asks for a key and a scope, looks within the caller's shop, and commits before it answers (S1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from common.http.api import Caller, Router, Tx, UnguardedRoute, assert_scoped, public, require, transaction
from common.process.runtime import Runtime
from common.storage.database import Transaction
from common.values.links import link
from common.values.paths import NO_STEP, part

PUBLIC = {"/health/live", "/health/ready", "/s/{token}", "/v1/boom/{what}", "/read", "/import"}


async def make_key(client: httpx.AsyncClient, shop: str = "demo", **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/keys", json={"name": "test", "shop": shop, "scopes": ["things:read"], **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def guarded_routes(app: FastAPI) -> list[tuple[str, str]]:
    paths = app.openapi()["paths"]
    routes = [(m.upper(), p) for p, item in paths.items() for m, operation in item.items() if operation.get("security")]
    assert {p for p, item in paths.items() for operation in item.values() if not operation.get("security")} == PUBLIC
    assert len(routes) > 10
    return routes


def filled(path: str, shop: str = "demo") -> str:
    return path.replace("{shop}", shop).replace("{dead_id}", "1").replace("{prefix}", "abcdabcd")


@pytest.mark.parametrize("kind", ["none", "basic", "nonsense", "unknown", "changed", "revoked", "expired"])
async def test_every_route_refuses_a_caller_without_a_key_that_counts(
    app: FastAPI, client: httpx.AsyncClient, runtime: Runtime, kind: str
) -> None:
    made = await make_key(client, scopes=["things:read"], expires_at="1990-06-01T00:00:00Z")
    headers = bearer(made["key"])
    if kind == "revoked":
        assert (await client.delete(f"/v1/keys/{made['prefix']}")).status_code == 204
    elif kind == "expired":
        await runtime.set_clock(runtime.clock.now() + timedelta(days=200))
    else:
        headers = {
            "none": {},
            "basic": {"authorization": "Basic YTpi"},
            "nonsense": bearer("rk_short"),
            "unknown": bearer("rk_zzzzzzzz_" + "a" * 43),
            "changed": bearer(made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")),
        }[kind]
    bare = httpx.AsyncClient(transport=client._transport, base_url="http://test")
    for method, path in guarded_routes(app):
        answer = await bare.request(method, filled(path), headers=headers)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["type"] == "/problems/unauthorized"


async def test_every_route_refuses_a_key_without_its_scope_and_another_shop_s_key(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    """SEC-001: least privilege."""
    # `ops` counts for a key of every shop alone: this one opens nothing.
    scopeless = bearer((await make_key(client, scopes=["ops"]))["key"])
    every_scope = bearer((await make_key(client, scopes=["*"]))["key"])
    for method, path in guarded_routes(app):
        answer = await client.request(method, filled(path), headers=scopeless)
        assert answer.status_code == 403, (method, path)
        answer = await client.request(method, filled(path, "other"), headers=every_scope)
        if "{shop}" in path:
            assert answer.status_code == 404, (method, path)
            assert answer.json()["type"] == "/problems/unknown_shop"
        if path.startswith("/ops/"):
            assert answer.status_code == 403, "the operator's routes reach across shops"


async def test_a_key_of_the_shop_with_the_scope_is_let_in(client: httpx.AsyncClient) -> None:
    key = bearer((await make_key(client))["key"])
    answer = await client.get("/v1/shops/demo/things", headers=key)
    assert (answer.status_code, answer.json()["shop"]) == (200, "demo")
    answer = await client.post("/v1/shops/demo/things", headers=key, json={"size": 1})
    assert answer.status_code == 403
    assert answer.json()["scope"] == "things:write"
    assert (await client.get("/s/signed")).json() == "signed"


async def test_an_extra_writable_field_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shops/demo/things", json={"size": 1, "shop": "other"})
    assert answer.status_code == 422
    detail = "there is no such field; leave it out; there are inner, size"
    assert answer.json()["errors"] == [{"pointer": "/shop", "detail": detail}]


async def test_a_misspelt_field_is_refused_with_the_nearest_name(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shops/demo/things", json={"sizes": 1})
    assert {"pointer": "/sizes", "detail": "there is no such field; did you mean `size`?"} in answer.json()["errors"]


async def test_what_is_answered_is_committed_before_the_answer_leaves(
    app: FastAPI, client: httpx.AsyncClient, runtime: Runtime
) -> None:
    seen: list[int] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                async with runtime.database.transaction() as tx:
                    seen.append(await tx.value("select count(*) from settings"))
            await send(message)

        await app(scope, receive, answer)

    transport = httpx.ASGITransport(watched)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=client.headers) as through:
        assert (await through.post("/v1/shops/demo/things", json={"size": 1})).status_code == 202
    assert seen == [1]


async def test_what_ends_in_a_problem_is_rolled_back(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shops/demo/things", json={"size": 101})
    assert (answer.status_code, answer.json()["most"]) == (409, 100)
    assert (await client.get("/v1/shops/demo/things")).json()["things"] == 0


def app_with(add: Callable[[APIRouter], object]) -> FastAPI:
    app, routes, outer = FastAPI(), Router(), APIRouter(prefix="/v1")
    add(routes)
    outer.include_router(routes, prefix="/inner")
    app.include_router(outer)
    return app


def test_a_route_without_a_scope_fails_the_build() -> None:
    async def open_to_all() -> None: ...

    with pytest.raises(UnguardedRoute, match="/v1/inner/x: declare"):
        assert_scoped(app_with(lambda r: r.get("/x")(open_to_all)))
    mounted = FastAPI()
    mounted.router.routes.append(Mount("/static", app=FastAPI()))
    with pytest.raises(UnguardedRoute, match="/static: only API routes"):
        assert_scoped(mounted)


@pytest.mark.parametrize("path", ["/news/{token}", "/news/{key}", "/v1/news/{token}", "/s/x/{token}"])
def test_a_link_whose_token_the_log_would_show_fails_the_build(path: str) -> None:
    async def page() -> None: ...

    app = FastAPI()
    app.get(path, dependencies=[public("the link is signed")])(page)
    with pytest.raises(UnguardedRoute, match=r"common\.values\.links"):
        assert_scoped(app)
    known = FastAPI()
    known.get(link("s", "/more"), dependencies=[public("the link is signed")])(page)
    assert_scoped(known)


def test_a_route_that_would_read_the_body_before_it_asks_for_the_key_fails_the_build() -> None:
    async def plain() -> None: ...

    routes = APIRouter()
    routes.get("/x", dependencies=[require("a:read")])(plain)
    app = FastAPI()
    app.include_router(routes)
    with pytest.raises(UnguardedRoute, match="/x: make its router by"):
        assert_scoped(app)


def test_a_route_that_would_answer_before_it_commits_fails_the_build() -> None:
    async def hasty(tx: Annotated[Transaction, Depends(transaction)]) -> None: ...

    with pytest.raises(UnguardedRoute, match="commit after the answer"):
        assert_scoped(app_with(lambda r: r.get("/x", dependencies=[require("a:read")])(hasty)))


def test_a_scope_may_be_declared_in_any_of_fastapi_s_ways() -> None:
    async def annotated(caller: Annotated[Caller, require("a:read")], tx: Tx) -> None: ...
    async def wrapped(caller: Annotated[Caller, Depends(require("a:read"))]) -> None: ...
    async def default(caller: Caller = require("a:read")) -> None: ...  # noqa: B008
    async def plain() -> None: ...

    for route in (annotated, wrapped, default):
        assert_scoped(app_with(lambda r, route=route: r.get("/x")(route)))  # type: ignore[misc]
    assert_scoped(app_with(lambda r: r.get("/x", dependencies=[require("a:read")])(plain)))
    assert_scoped(app_with(lambda r: r.get("/x", dependencies=[public("a signed link")])(plain)))
    with pytest.raises(ValueError, match="say why"):
        public("")


@pytest.mark.parametrize("step", [".", ".."])
async def test_nothing_is_called_what_no_browser_can_ask_for(client: httpx.AsyncClient, step: str) -> None:
    answer = await client.get(f"/v1/boom/{part(step)}")
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "path what", "detail": NO_STEP}])
    assert (await client.get(f"/v1/boom/{step}a")).status_code == 500, "the route was asked"
