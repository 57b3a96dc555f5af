"""Each use of a scope that shows or moves what is somebody's is a line of the log, with the key (SEC-004)."""

from __future__ import annotations

import asyncio
import io
import json

import httpx
import pytest

from common.http import scopes
from common.process import logs
from common.process.runtime import Runtime

from .test_api import bearer, make_key


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
async def test_what_a_key_looks_at_stands_in_the_log_with_the_key(client: httpx.AsyncClient, level: str) -> None:
    """Whatever else is logged; of routes that say so: `tests/doors/test_others_objects.py` looks which of them must."""
    made = await make_key(client, scopes=["things:read", "things:write"])
    written = io.StringIO()
    logs.configure("toy", level, written)
    things = "/v1/shops/demo/things"
    assert (await client.get(things, headers=bearer(made["key"]))).status_code == 200
    assert (await client.post(things, json={"size": 1}, headers=bearer(made["key"]))).status_code == 202
    assert (await client.get(things, headers=bearer("rk_zzzzzzzz_" + "a" * 43))).status_code == 401
    assert (await client.get("/ops/dead")).status_code == 200
    assert (await client.get("/ops/set-aside")).status_code == 200
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    used = [(one["key"], one["scope"], one["method"], one["path"]) for one in found if one["event"] == "key_used"]
    assert used == [
        (made["prefix"], "things:read", "GET", things),
        ("bootstrap", "ops", "GET", "/ops/dead"),
    ]
    assert made["key"] not in written.getvalue()


def test_the_scopes_that_are_recorded_are_scopes() -> None:
    assert scopes.RECORDED.issubset(scopes.SCOPES)


async def test_other_uses_are_counted_and_told_by_key_scope_and_shop(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """SEC-004: what a shop's systems do thousands of times a second is a line a minute."""
    made = await make_key(client, scopes=["things:read", "things:write"])
    written = io.StringIO()
    logs.configure("toy", "INFO", written)
    for size in (101, 102, 103):
        answer = await client.post("/v1/shops/demo/things", json={"size": size}, headers=bearer(made["key"]))
        assert answer.status_code == 409, "what is refused for what it says is a use, too"
    await client.get("/v1/shops/demo/things", headers=bearer(made["key"]))  # a line of its own
    stopping = asyncio.Event()
    running = asyncio.create_task(runtime.uses.run(stopping))
    await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(running, 1)
    runtime.uses.tell()  # nothing twice
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    told = [(one["key"], one["scope"], one["shop"], one["uses"]) for one in found if one["event"] == "key_uses"]
    assert told.count((made["prefix"], "things:write", "demo", 3)) == 1
    assert [one for one in told if one[1] == "things:read"] == []
