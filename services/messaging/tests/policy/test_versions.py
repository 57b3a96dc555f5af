"""The shop's rules of contact are on the topic, so that a rebuild has them again. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events import Event, decode
from common.events.messages import ContactPolicyChanged, ContactPolicyWithdrawn

PATH = "/v1/shops/s/policy"
FIRST = {"windows": [{"start": "08:00", "end": "09:00", "closed_on": ["sun"]}], "blackout_dates": ["2025-06-18"]}
SECOND = {"windows": [{"start": "22:00", "end": "23:00"}], "caps": {"all_channels": 2}, "sender_name": "茶"}
VERSIONS = "select shop, version, at, cast(policy as text), withdrawn_at from policies order by shop, version"


async def save_two_versions(messaging: Any) -> None:
    async with messaging.client() as client:
        for policy in (FIRST, SECOND):
            answer = await client.put(PATH, json={"policy": policy})
            assert answer.status_code == 200, answer.text
            messaging.clock.instant += timedelta(minutes=1)
        await client.put("/v1/shops/other/policy", json={"policy": FIRST})


async def announced(messaging: Any) -> list[Event[Any]]:
    wanted = "select payload from outbox where type in (:saved, :withdrawn) order by seq"
    rows = await messaging.rows(wanted, saved=ContactPolicyChanged.TYPE, withdrawn=ContactPolicyWithdrawn.TYPE)
    return [decode(payload) for (payload,) in rows]


async def in_force(messaging: Any) -> Any:
    async with messaging.client() as client:
        return (await client.get(PATH)).json()


async def test_each_version_is_announced_as_it_is_saved(messaging: Any) -> None:
    began = messaging.clock.now()
    await save_two_versions(messaging)
    events = await announced(messaging)
    assert [(e.id, e.key, e.time, e.data.version, e.data.valid_from) for e in events] == [
        ("policy-1", "s/policy", began, 1, began),
        ("policy-2", "s/policy", began + timedelta(minutes=1), 2, began + timedelta(minutes=1)),
        ("policy-1", "other/policy", began + timedelta(minutes=2), 1, began + timedelta(minutes=2)),
    ]
    assert {(e.source, e.subject) for e in events if e.shop == "s"} == {("/shops/s/messaging", None)}
    assert events[1].data.policy == (await in_force(messaging))["policy"], "whole, and not only what was said"


async def test_what_is_refused_is_not_announced(messaging: Any) -> None:
    await save_two_versions(messaging)
    async with messaging.client() as client:
        assert (await client.put(PATH, json={"policy": {}, "replaces": 1})).status_code == 409
        assert (await client.put(PATH, json={"policy": {"windows": []}})).status_code == 422
    assert len(await announced(messaging)) == 3


@pytest.mark.parametrize("size", [1, 2, 500])
@pytest.mark.parametrize("backwards", [False, True])
async def test_r5_an_empty_database_gets_the_versions_back_from_the_topic(
    messaging: Any, rebuilt: Any, size: int, backwards: bool
) -> None:
    """Architecture section 2, point 4: versions are inputs, on the topic of the service that accepted them."""
    await save_two_versions(messaging)
    events = (await announced(messaging))[:: -1 if backwards else 1]
    rebuilt.clock.instant = messaging.clock.now()
    for _ in range(2):
        for start in range(0, len(events), size):
            await rebuilt.feed(*events[start : start + size])
    assert await rebuilt.rows(VERSIONS) == await messaging.rows(VERSIONS)
    assert await in_force(rebuilt) == await in_force(messaging)
    assert await announced(rebuilt) == [], "what was read back is not announced again"
    await rebuilt.feed(*rebuilt.known(), rebuilt.tier_up(1))
    await rebuilt.decide()
    assert await rebuilt.rows("select outcome, reason, policy_version from decisions") == [("hold", "window", 2)]


async def test_r5_its_own_topic_read_again_into_the_live_database_changes_nothing(messaging: Any) -> None:
    await save_two_versions(messaging)
    before, claimed = await messaging.rows(VERSIONS), await messaging.rows("select count(*) from inbox")
    await messaging.feed(*await announced(messaging))
    assert await messaging.rows(VERSIONS) == before
    assert await messaging.rows("select count(*) from inbox") == claimed, "the service had claimed its own facts"
    assert len(await announced(messaging)) == 3


async def test_a_version_holds_from_its_time_on_and_is_withdrawn_before_it(messaging: Any, rebuilt: Any) -> None:
    """XCT: rules of contact with a date, beside those saved later that hold sooner; withdrawn for a rebuild too."""
    began = messaging.clock.now()
    later = (began + timedelta(days=2)).isoformat()
    async with messaging.client() as client:
        await client.put(PATH, json={"policy": FIRST, "valid_from": later})
        assert (await client.put(PATH, json={"policy": FIRST, "replaces": 0})).status_code == 409
        await client.put(PATH, json={"policy": SECOND, "replaces": 1})
        await client.put(PATH, json={"policy": {}, "valid_from": (began + timedelta(days=3)).isoformat()})
        past = await client.put(PATH, json={"policy": {}, "valid_from": (began - timedelta(days=1)).isoformat()})
        assert (past.status_code, past.json()["type"]) == (422, "/problems/too_soon")
        now = (await client.get(PATH)).json()
        assert (now["version"], now["newest"], [each["version"] for each in now["coming"]]) == (2, 3, [1, 3])
        for _ in range(2):
            assert (await client.delete(f"{PATH}/versions/3")).status_code == 200
        assert (await client.delete(f"{PATH}/versions/2")).json()["type"] == "/problems/version_in_force"
        assert (await client.delete(f"{PATH}/versions/4")).status_code == 404
        messaging.clock.instant += timedelta(days=4)
        found = (await client.get(f"{PATH}/versions")).json()["versions"]
        assert [(v["version"], v["status"]) for v in found] == [(3, "withdrawn"), (2, "past"), (1, "in_force")]
    assert (await in_force(messaging))["version"] == 1
    rebuilt.clock.instant = messaging.clock.now()
    await rebuilt.feed(*await announced(messaging))
    assert await rebuilt.rows(VERSIONS) == await messaging.rows(VERSIONS)
    assert await in_force(rebuilt) == await in_force(messaging)
