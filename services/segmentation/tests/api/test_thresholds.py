"""Thresholds read, previewed and changed over HTTP, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.events import decode
from common.http.api import api_keys_of
from common.http.app import build_app
from common.http.callers import new_api_key
from common.http.health import Readiness
from common.process.runtime import Runtime

from ..conftest import NOW
from ..shop_life import differences

PATH = "/v1/shops/tea/thresholds"
STRICTER = {"lapse_months": 1, "rfm": {"monetary": 50}}


async def test_the_defaults_hold_until_the_shop_sets_something(client: httpx.AsyncClient) -> None:
    body = (await client.get(PATH)).json()
    assert (body["version"], body["valid_from"], body["coming"]) == (0, None, [])
    assert body["thresholds"]["life_cycle"] == {"active": 100, "sleeping": 200, "pre_churn": 300, "churned": 600}


async def test_a_version_is_saved_announced_and_in_force_after_five_minutes(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """Changed through the API without a restart; whom it changes is announced, dated when it came into force."""
    await runtime.sweeper.sweep()
    answer = await client.put(PATH, json={"thresholds": STRICTER, "replaces": 0})
    assert answer.status_code == 200
    saved = answer.json()
    assert (saved["version"], saved["valid_from"]) == (1, "2025-03-20T04:05:00Z")
    assert saved["thresholds"]["lapse_months"] == 1
    assert saved["thresholds"]["gap"]["default_days"] == 60, "what is not said is the default"
    body = (await client.get(PATH)).json()
    assert (body["version"], [each["version"] for each in body["coming"]]) == (0, [1])
    assert [each["version"] for each in (await client.get(f"{PATH}/versions")).json()["versions"]] == [1]
    before = (await client.get("/v1/shops/tea/customers/c2")).json()
    assert (before["lapsed"]["value"], before["thresholds_version"]) == (False, 0)
    await runtime.set_clock(NOW + timedelta(minutes=5))
    after = (await client.get("/v1/shops/tea/customers/c2")).json()
    assert (after["lapsed"]["value"], after["thresholds_version"]) == (True, 1), "even before the sweep"
    assert after["lapsed"]["why"].startswith("1 calendar month after the last completed order of 2025-02-14")
    await runtime.sweeper.sweep()
    assert (await client.get("/v1/shops/tea/segments/lapsed/true/customers")).json()["customers"] == ["c1", "c2"]
    assert (await client.get(PATH)).json()["version"] == 1
    async with runtime.database.transaction() as tx:
        facts = [decode(r.payload) for r in await tx.fetch("select payload from outbox order by seq")]
    assert await differences(runtime.database) == []
    assert [(f.id, f.key, f.data.version) for f in facts if f.data.TYPE == "thresholds.changed"] == [
        ("thresholds-1", "tea/thresholds", 1)
    ]
    entered = [(f.subject, f.time) for f in facts if f.data.TYPE == "segment.entered" and f.subject == "c2"]
    assert entered == [("c2", NOW + timedelta(minutes=5))]


async def test_a_coming_version_is_withdrawn_and_never_holds(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """XCT: versions with who and when, and withdraw; the longer window it asked for leaves states as they are."""
    await runtime.sweeper.sweep()
    starts = (NOW + timedelta(days=9)).isoformat()
    wider = STRICTER | {"rfm": {"window_months": 24}}
    assert (await client.put(PATH, json={"thresholds": wider, "valid_from": starts})).status_code == 200
    await runtime.sweeper.sweep()
    for _ in range(2):
        answer = await client.delete(f"{PATH}/versions/1")
        assert [(v["version"], v["status"]) for v in answer.json()["versions"]] == [(1, "withdrawn")]
    await runtime.set_clock(NOW + timedelta(days=10))
    await runtime.sweeper.sweep()
    found = (await client.get(PATH)).json()
    assert (found["version"], found["newest"], found["coming"]) == (0, 1, [])
    assert (await client.get("/v1/shops/tea/customers/c2")).json()["lapsed"]["value"] is False
    assert await differences(runtime.database) == []
    async with runtime.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type like 'thresholds.%' order by seq")
    assert [(e.id, e.data.version) for e in (decode(r.payload) for r in rows)] == [
        ("thresholds-1", 1),
        ("thresholds-1-withdrawn", 1),
    ]
    assert (await client.put(PATH, json={"thresholds": {}, "replaces": 1})).json()["version"] == 2
    await runtime.set_clock(NOW + timedelta(days=11))
    refused = await client.delete(f"{PATH}/versions/2")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/version_in_force")
    assert (await client.delete(f"{PATH}/versions/9")).status_code == 404


async def test_a_preview_says_how_many_would_move_and_saves_nothing(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    await runtime.sweeper.sweep()
    answer = await client.post(f"{PATH}/preview", json={"thresholds": STRICTER})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["as_of"], body["buyers"], body["looked_at"], body["moved"]) == ("2025-03-20T04:00:00Z", 3, 3, 2)
    assert body["lapsed"] == [{"before": False, "after": True, "customers": 1}]
    assert body["life_cycle"] == []
    assert sum(move["customers"] for move in body["rfm"]) == 1
    assert (await client.get(PATH)).json()["coming"] == []


@pytest.mark.parametrize(
    ("name", "body", "status", "slug", "words"),
    [
        ("borders that fall", {"thresholds": {"life_cycle": {"active": 200}}}, 422, None, "borders must rise"),
        ("a threshold nobody knows", {"thresholds": {"moon": 1}}, 422, None, "moon"),
        ("a fraction of a day", {"thresholds": {"rfm": {"recency_days": 1.5}}}, 422, None, "recency_days"),
        ("too soon", {"thresholds": {}, "valid_from": "2025-03-20T04:04:59Z"}, 422, "too_soon", "five minutes"),
        ("no time zone", {"thresholds": {}, "valid_from": "2025-04-01T00:00:00"}, 422, None, "valid_from"),
        ("another version meanwhile", {"thresholds": {}, "replaces": 7}, 409, "thresholds_changed", "`replaces`"),
        ("nothing", {}, 422, None, "thresholds"),
    ],
)
async def test_what_cannot_be_saved_is_refused_with_the_reason(
    client: httpx.AsyncClient, name: str, body: dict[str, Any], status: int, slug: str | None, words: str
) -> None:
    answer = await client.put(PATH, json=body)
    assert answer.status_code == status, name
    assert answer.headers["content-type"] == "application/problem+json"
    assert slug is None or answer.json()["type"].endswith(slug)
    assert words in answer.text
    assert (await client.get(PATH)).json()["coming"] == []


async def test_a_shop_has_its_own_thresholds(client: httpx.AsyncClient) -> None:
    await client.put(PATH, json={"thresholds": STRICTER})
    other = (await client.get("/v1/shops/wine/thresholds")).json()
    assert (other["version"], other["coming"]) == (0, [])


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("PUT", PATH), ("POST", f"{PATH}/preview")])
async def test_s_1_nobody_asks_or_changes_without_a_key(client: httpx.AsyncClient, method: str, path: str) -> None:
    headers = {"authorization": "Bearer rk_nobody"}
    assert (await client.request(method, path, headers=headers, json={"thresholds": {}})).status_code == 401


async def test_who_may_read_segments_may_not_change_thresholds(runtime: Runtime) -> None:
    key, app = new_api_key(), build_app(runtime, Readiness())
    prefix, _, secret = key.removeprefix("rk_").partition("_")
    async with runtime.database.transaction() as tx:
        # As it arrives from orders-ingest, which issues the keys.
        await tx.execute(
            """
            insert into api_keys (prefix, hash, shop, scopes, name)
            values (:prefix, :hash, 'tea', '{segments:read,programme:read}', 'console')
            """,
            prefix=prefix,
            hash=api_keys_of(app).hash(secret),
        )
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as http:
        assert (await http.get(PATH)).status_code == 200
        assert (await http.put(PATH, json={"thresholds": {}})).status_code == 403
