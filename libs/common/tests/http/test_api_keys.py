"""Keys are stored as hashes, given out within one's own rights, and rotated without a refused request (S6)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from common.events import decode
from common.http.api import api_keys_of
from common.http.callers import FAILURES, FRESH_S, ApiKeys, Caller, Unauthorized, new_api_key, parts_of
from common.http.limits import TooManyRequests
from common.process.runtime import Runtime


class Stopwatch:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def made(client: httpx.AsyncClient, **more: object) -> dict[str, str]:
    body = {"name": "shop backend", "shop": "demo", "scopes": ["things:read"], **more}
    answer = await client.post("/v1/keys", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def test_only_the_hash_and_the_prefix_are_stored(client: httpx.AsyncClient, runtime: Runtime) -> None:
    key = (await made(client))["key"]
    parts = parts_of(key)
    assert parts is not None
    assert len(parts[0]) == 8
    async with runtime.database.transaction() as tx:
        row = await tx.value("select k::text from api_keys k")
    assert parts[0] in row
    assert parts[1] not in row
    listed = await client.get("/v1/keys")
    assert parts[1] not in listed.text
    assert [k["prefix"] for k in listed.json()] == [parts[0]]


async def test_rotation_refuses_no_request(client: httpx.AsyncClient) -> None:
    old, new = await made(client), await made(client)
    for key in (old, new):
        assert (await client.get("/v1/shops/demo/things", headers=bearer(key["key"]))).status_code == 200
    assert (await client.delete(f"/v1/keys/{old['prefix']}")).status_code == 204
    assert (await client.get("/v1/shops/demo/things", headers=bearer(old["key"]))).status_code == 401
    assert (await client.get("/v1/shops/demo/things", headers=bearer(new["key"]))).status_code == 200
    assert (await client.delete(f"/v1/keys/{old['prefix']}")).status_code == 404, "revoked once"


async def test_a_key_gives_no_more_than_it_has(client: httpx.AsyncClient) -> None:
    """SEC-001: least privilege."""
    admin = bearer((await made(client, scopes=["keys:admin", "things:read"]))["key"])
    for body in (
        {"name": "n", "shop": "other", "scopes": ["things:read"]},
        {"name": "n", "shop": "*", "scopes": ["things:read"]},
        {"name": "n", "shop": "demo", "scopes": ["things:write"]},
        {"name": "n", "shop": "demo", "scopes": ["*"]},
        {"name": "n", "shop": "demo", "scopes": ["ops"]},
    ):
        answer = await client.post("/v1/keys", json=body, headers=admin)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/beyond_own_rights"), body
    allowed = {"name": "n", "shop": "demo", "scopes": ["things:read"]}
    assert (await client.post("/v1/keys", json=allowed, headers=admin)).status_code == 201


async def test_a_scope_that_there_is_not_is_refused_with_those_that_are(client: httpx.AsyncClient) -> None:
    """A key with a misspelt scope would open nothing, and only its holder would notice."""
    body = {"name": "n", "shop": "demo", "scopes": ["things:read", "thing:read"]}
    answer = await client.post("/v1/keys", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unknown_scope")
    assert "There is no scope `thing:read`; choose among `events:write`, " in answer.json()["detail"]
    await made(client, scopes=["*"])


async def test_an_admin_sees_and_revokes_keys_of_the_own_shop_only(client: httpx.AsyncClient) -> None:
    admin = await made(client, scopes=["keys:admin"])
    other = await made(client, shop="other")
    listed = await client.get("/v1/keys", headers=bearer(admin["key"]))
    assert [k["prefix"] for k in listed.json()] == [admin["prefix"]]
    assert (await client.delete(f"/v1/keys/{other['prefix']}", headers=bearer(admin["key"]))).status_code == 404
    assert (await client.get("/v1/shops/other/things", headers=bearer(other["key"]))).status_code == 200


async def test_a_caller_for_every_shop_lists_the_keys_of_one(client: httpx.AsyncClient) -> None:
    for shop in ("tea", "wine"):
        body = {"name": f"of {shop}", "shop": shop, "scopes": ["orders:read"]}
        assert (await client.post("/v1/keys", json=body)).status_code == 201
    listed = (await client.get("/v1/keys", params={"shop": "wine"})).json()
    assert [key["name"] for key in listed] == ["of wine"]
    assert {"of tea", "of wine"} <= {key["name"] for key in (await client.get("/v1/keys")).json()}


async def test_a_key_is_announced_to_every_service_without_its_secret(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """F2: issued and revoked once, at one service."""
    made_key = await made(client, shop="*", scopes=["*"])
    assert (await client.delete(f"/v1/keys/{made_key['prefix']}")).status_code == 204
    async with runtime.database.transaction() as tx:
        rows = await tx.fetch("select type, aggregatetype, payload from outbox order by seq")
    assert [(row.type, row.aggregatetype) for row in rows] == [
        ("api_key.issued", "shops"),
        ("api_key.revoked", "shops"),
    ]
    issued = decode(rows[0].payload)
    assert (issued.data.prefix, issued.data.shop, issued.data.scopes) == (made_key["prefix"], "*", ["*"])
    assert all(made_key["key"].rpartition("_")[2] not in row.payload for row in rows)


async def test_another_process_learns_of_a_revocation_within_a_second(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """S6: the second begins when its database has it; that it was announced is known at once."""
    watch = Stopwatch()
    elsewhere = ApiKeys(runtime.database, runtime.master, monotonic=watch)
    key = await made(client)
    assert await elsewhere.verify(key["key"]) == Caller("demo", key["prefix"], frozenset({"things:read"}))
    assert (await client.delete(f"/v1/keys/{key['prefix']}")).status_code == 204
    watch.now += 0.9
    assert (await elsewhere.verify(key["key"])).shop == "demo", "at hand for a moment, so that the database may be away"
    watch.now += 0.1
    with pytest.raises(Unauthorized):
        await elsewhere.verify(key["key"])


async def test_a_process_that_reads_of_a_revocation_takes_the_key_no_more(
    client: httpx.AsyncClient, app: FastAPI, runtime: Runtime
) -> None:
    """As the follower of the topic does it; the copy at hand would count for a moment."""
    key = await made(client)
    things = "/v1/shops/demo/things"
    app.state.api_keys._monotonic = Stopwatch()  # no time passes
    assert (await client.get(things, headers=bearer(key["key"]))).status_code == 200
    async with runtime.database.transaction() as tx:
        await tx.execute(
            "update api_keys set revoked_at = :now where prefix = :prefix", now=tx.clock.now(), prefix=key["prefix"]
        )
    assert (await client.get(things, headers=bearer(key["key"]))).status_code == 200
    runtime.key_changed(key["prefix"])
    assert (await client.get(things, headers=bearer(key["key"]))).status_code == 401


async def test_many_requests_with_a_key_ask_the_database_once(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """Otherwise those of a busy caller stand in a row each time its copy is a second old."""
    keys, key = ApiKeys(runtime.database, runtime.master, monotonic=Stopwatch()), (await made(client))["key"]
    asked: list[str] = []
    look_up = keys._look_up

    async def counted(prefix: str) -> Any:
        asked.append(prefix)
        return await look_up(prefix)

    keys._look_up = counted  # type: ignore[method-assign]
    await asyncio.gather(*(keys.verify(key) for _ in range(64)))
    assert len(asked) <= 2, "LOOKUPS_AT_ONCE"


async def test_one_key_s_flood_leaves_the_other_keys_their_rate(client: httpx.AsyncClient, runtime: Runtime) -> None:
    watch = Stopwatch()
    keys = ApiKeys(runtime.database, runtime.master, rate=5, monotonic=watch)
    flood, quiet = (await made(client))["key"], (await made(client))["key"]
    for _ in range(10):
        await keys.verify(flood)
    with pytest.raises(TooManyRequests) as caught:
        await keys.verify(flood)
    assert caught.value.headers == {"retry-after": "1"}
    await keys.verify(quiet)
    watch.now += 0.2
    await keys.verify(flood)


async def test_a_flood_is_answered_429_with_a_time(client: httpx.AsyncClient, app: FastAPI, runtime: Runtime) -> None:
    app.state.api_keys = ApiKeys(runtime.database, runtime.master, "b" * 24, rate=1, monotonic=Stopwatch())
    answers = [await client.get("/v1/keys", headers=bearer("b" * 24)) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1


async def test_failed_keys_lock_out_no_valid_one_behind_the_same_address(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """Behind an ingress all callers have one address."""
    watch = Stopwatch()
    keys = ApiKeys(runtime.database, runtime.master, monotonic=watch)
    known, other = (await made(client))["key"], (await made(client))["key"]
    await keys.verify(known, "10.0.0.1")
    watch.now += FRESH_S
    for _ in range(110):
        with pytest.raises(Unauthorized):
            await keys.verify(new_api_key(), "10.0.0.1")
    assert (await keys.verify(known, "10.0.0.1")).shop == "demo"
    assert (await keys.verify(other, "10.0.0.1")).shop == "demo", "never seen before"


async def test_guesses_at_one_key_s_secret_are_slowed_down(client: httpx.AsyncClient, runtime: Runtime) -> None:
    keys = ApiKeys(runtime.database, runtime.master, monotonic=Stopwatch())
    known = (await made(client))["key"]
    guess = known[:12] + new_api_key()[12:]
    for _ in range(int(2 * FAILURES)):
        with pytest.raises(Unauthorized):
            await keys.verify(guess, "10.0.0.1")
    with pytest.raises(TooManyRequests):
        await keys.verify(guess, "10.0.0.1")
    with pytest.raises(Unauthorized):
        await keys.verify(guess, "10.0.0.2")
    assert (await keys.verify(known, "10.0.0.1")).shop == "demo", "the holder of the secret is not slowed down"


async def test_the_bootstrap_key_is_for_everything_and_another_text_for_nothing(app: FastAPI, runtime: Runtime) -> None:
    bootstrap = runtime.settings.bootstrap_api_key
    assert bootstrap is not None
    caller = await api_keys_of(app).verify(bootstrap.get_secret_value())
    assert caller.of_shop("any")
    assert caller.may("ops")
    for text in ("", "é" * 30, bootstrap.get_secret_value()[:-1]):
        with pytest.raises(Unauthorized):
            await ApiKeys(runtime.database, runtime.master, bootstrap.get_secret_value()).verify(text)
    with pytest.raises(Unauthorized):
        await ApiKeys(runtime.database, runtime.master).verify(bootstrap.get_secret_value())


async def test_who_signs_people_in_learns_whether_the_own_key_is_believed(client: httpx.AsyncClient) -> None:
    """`*` of a key of one shop does not vouch for people (0107)."""
    keys = [
        await made(client, scopes=["*"]),
        await made(client, scopes=["*", "people:vouch"]),
        await made(client, shop="*", scopes=["*"]),
    ]
    answers = [await client.get("/v1/keys/own", headers=bearer(key["key"])) for key in keys]
    assert [answer.status_code for answer in answers] == [403, 200, 200]
    assert answers[0].json()["scope"] == "people:vouch"
    assert answers[1].json() == {"prefix": keys[1]["prefix"], "shop": "demo", "scopes": ["*", "people:vouch"]}
