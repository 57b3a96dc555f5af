"""A lean route answers every request as FastAPI's own way of calling the same endpoint does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.http.api import Body, Route, Tx, UnguardedRoute, assert_scoped, require
from common.http.lean import LeanRoute
from common.refusals import Conflict

JSON = {"content-type": "application/json"}
NOBODYS = [require("things:write", set_up=False)]


class Boxes(Body):
    name: str
    sizes: Annotated[tuple[Annotated[int, Field(ge=0, strict=True)], ...], Field(max_length=3)] = ()

    @model_validator(mode="after")
    def _small(self) -> Boxes:
        if sum(self.sizes) > 100:
            raise ValueError("together they are too large")
        return self


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)
    shop: str
    name: str
    sizes: tuple[int, ...]


async def take(shop: str, body: Boxes, tx: Tx) -> Answer:
    """Counts a box; refuses `no`, breaks at `bug`."""
    await tx.execute("insert into settings values ('boxes', :name, '1') on conflict do nothing", name=body.name)
    if body.name == "no":
        raise Conflict("not_this_one", "Send another one.")
    if body.name == "bug":
        raise RuntimeError("the password is hunter2")
    return Answer(shop=shop, name=body.name, sizes=body.sizes)


@pytest_asyncio.fixture
async def both(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The endpoint twice: under /lean and, as FastAPI calls it, under /solved."""
    for name, kind in (("lean", LeanRoute), ("solved", Route)):
        routes = APIRouter(route_class=kind)
        routes.post(f"/v1/shops/{{shop}}/{name}", name=name, dependencies=NOBODYS)(take)
        app.include_router(routes)
    assert_scoped(app)
    made = await client.post("/v1/keys", json={"name": "t", "shop": "demo", "scopes": ["things:write"]})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {made.json()['key']}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        yield http


BODIES: dict[str, bytes] = {
    "taken": b'{"name": "a", "sizes": [1, 2]}',
    "a name twice": b'{"name": "b", "name": "c"}',
    "in Chinese": '{"name": "茶", "sizes": []}'.encode(),
    "refused": b'{"name": "no"}',
    "a mistake of ours": b'{"name": "bug"}',
    "no number": b'{"name": "d", "sizes": ["1"]}',
    "a fraction": b'{"name": "d", "sizes": [1.0]}',
    "too many": b'{"name": "d", "sizes": [1, 1, 1, 1]}',
    "incoherent": b'{"name": "d", "sizes": [99, 99]}',
    "an unknown name": b'{"name": "d", "more": 1}',
    "a huge number": b'{"name": "d", "sizes": [' + b"9" * 400 + b"]}",
    "not a number": b'{"name": "d", "sizes": [NaN]}',
    "no object": b"[]",
    "null": b"null",
    "no JSON": b'{"name"',
    "no UTF-8": b'{"name": "\xff"}',
    "half a pair": b'{"name": "\\ud800"}',
    "nothing": b"",
}
TAKEN = {"taken", "a name twice", "in Chinese"}


@pytest.mark.parametrize("case", BODIES)
async def test_both_ways_answer_alike(case: str, both: httpx.AsyncClient) -> None:
    lean, solved = [
        await both.post(f"/v1/shops/demo/{name}", content=BODIES[case], headers=JSON) for name in ("lean", "solved")
    ]
    assert _steady(lean) == _steady(solved)
    assert (lean.status_code == 200) == (case in TAKEN), lean.text


REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "another's shop": ("POST", "other", {"content": BODIES["taken"], "headers": JSON}),
    "a shop of no name": ("POST", "de%20mo", {"content": BODIES["taken"], "headers": JSON}),
    "another method": ("GET", "demo", {}),
    "no kind": ("POST", "demo", {"content": BODIES["taken"]}),
    "an unknown query": ("POST", "demo", {"content": BODIES["taken"], "headers": JSON, "params": {"a": "1"}}),
    "another kind of JSON": ("POST", "demo", {"content": BODIES["taken"], "headers": {"content-type": "a/x+json"}}),
}


@pytest.mark.parametrize("case", REQUESTS)
async def test_both_ways_refuse_alike(case: str, both: httpx.AsyncClient) -> None:
    method, shop, sent = REQUESTS[case]
    lean, solved = [await both.request(method, f"/v1/shops/{shop}/{name}", **sent) for name in ("lean", "solved")]
    assert _steady(lean) == _steady(solved)
    assert lean.status_code >= 400


async def test_what_is_answered_is_committed_and_what_is_refused_is_not(both: httpx.AsyncClient, app: FastAPI) -> None:
    await both.post("/v1/shops/demo/lean", content=BODIES["taken"], headers=JSON)
    await both.post("/v1/shops/demo/lean", content=BODIES["refused"], headers=JSON)
    await both.post("/v1/shops/demo/lean", content=BODIES["a mistake of ours"], headers=JSON)
    async with app.state.runtime.database.transaction() as tx:
        rows = await tx.fetch("select * from settings where shop = 'boxes'")
    assert [row[1] for row in rows] == ["a"]


def test_a_lean_route_that_depends_on_more_than_it_calls_fails_the_build(app: FastAPI) -> None:
    async def more(shop: str, body: Boxes, tx: Tx, size: Annotated[int, Query()] = 0) -> Answer:
        raise NotImplementedError

    routes = APIRouter(route_class=LeanRoute)
    routes.post("/v1/shops/{shop}/lean", dependencies=NOBODYS)(more)
    app.include_router(routes)
    with pytest.raises(UnguardedRoute, match="nothing else"):
        assert_scoped(app)


def _steady(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """Without a new correlation id, the path's last part, and the length, which that is part of."""
    headers = {name: text for name, text in answer.headers.items() if name != "content-length" and len(text) != 36}
    text = answer.text.replace("/solved", "/lean")
    return answer.status_code, answer.json() if answer.status_code == 200 else text, headers
