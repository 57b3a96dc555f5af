"""An address is one shop's while a version of its rules of contact names it. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from common.events import Event, decode
from common.events.messages import ContactPolicyChanged
from messaging.commands.policy import save_policy
from messaging.policy.state import EVERYBODYS, Policy

TAKEN = (409, "/problems/address_taken")
SAVED = (200, None)


async def save(
    messaging: Any, shop: str, policy: Mapping[str, str], at: timedelta | None = None
) -> tuple[int, str | None]:
    body: dict[str, Any] = {"policy": policy}
    if at is not None:
        body["valid_from"] = (messaging.clock.now() + at).isoformat()
    async with messaging.client() as client:
        answer = await client.put(f"/v1/shops/{shop}/policy", json=body)
    return answer.status_code, answer.json().get("type")


@pytest.mark.parametrize("field", ["sender_address", "reply_to"])
@pytest.mark.parametrize(
    "written", ["service@tea.example", "Service@TEA.example", "service+1@tea.example", "SERVICE+a+b@Tea.Example"]
)
async def test_another_shops_address_is_refused_however_it_is_written(messaging: Any, field: str, written: str) -> None:
    """SEC-001, SEC-011: it would get that shop's mail, and send in its name."""
    assert await save(messaging, "other", {"reply_to": "service@tea.example"}) == SAVED
    assert await save(messaging, "s", {field: written}) == TAKEN
    async with messaging.client() as client:
        refused = (await client.put("/v1/shops/s/policy", json={"policy": {field: written}})).json()
        assert (await client.get("/v1/shops/s/policy")).json()["newest"] == 0
    assert refused["field"] == field
    assert f"`{field}`" in refused["detail"]
    assert await save(messaging, "other", {"sender_address": written}) == SAVED, "its own is its own"
    assert await save(messaging, "s", {field: "service@tee.example"}) == SAVED


async def test_the_senders_address_of_shops_that_name_none_is_everybodys(messaging: Any) -> None:
    both = {"sender_address": EVERYBODYS, "reply_to": "No-Reply+1@regulars.example"}
    for shop in ("s", "other"):
        assert await save(messaging, shop, {}) == SAVED
        assert await save(messaging, shop, both) == SAVED


async def test_an_address_is_free_when_no_version_in_force_or_to_come_names_it(messaging: Any) -> None:
    """A version that is past never holds again, and one that was withdrawn never does."""
    day, tea = timedelta(days=1), {"reply_to": "service@tea.example"}
    assert await save(messaging, "other", tea) == SAVED
    assert await save(messaging, "other", {}, day) == SAVED
    assert await save(messaging, "s", tea) == TAKEN, "it is in force for a day"
    assert await save(messaging, "s", tea, 2 * day) == TAKEN
    messaging.clock.instant += day
    assert await save(messaging, "s", tea, day) == SAVED
    assert await save(messaging, "other", tea) == TAKEN, "it is to come"
    async with messaging.client() as client:
        assert (await client.delete("/v1/shops/s/policy/versions/1")).status_code == 200
    assert await save(messaging, "other", tea) == SAVED


async def test_of_two_shops_at_once_one_has_the_address(messaging: Any) -> None:
    """The second waits for the first, whose version nobody else sees yet."""
    tea = {"sender_address": "hello@tea.example", "reply_to": "service@tea.example"}
    async with messaging.database.transaction() as tx:
        await save_policy(tx, "other", Policy.model_validate(tea), None, None)
        second = asyncio.create_task(save(messaging, "s", {"reply_to": "service@tea.example"}))
        await asyncio.wait([second], timeout=0.5)
        assert not second.done()
    assert await second == TAKEN


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_rebuild_takes_versions_in_any_order_and_knows_whose_an_address_is(
    messaging: Any, rebuilt: Any, order: tuple[int, ...]
) -> None:
    """R5: an address that went from one shop to the other is named by both on the topic."""
    tea = {"reply_to": "service@tea.example"}
    saves: list[tuple[str, Mapping[str, str]]] = [("other", tea), ("other", {}), ("s", tea)]
    for shop, policy in saves:
        assert await save(messaging, shop, policy) == SAVED
        messaging.clock.instant += timedelta(minutes=1)
    saved = "select payload from outbox where type = :saved order by seq"
    rows = await messaging.rows(saved, saved=ContactPolicyChanged.TYPE)
    events: list[Event[Any]] = [decode(payload) for (payload,) in rows]
    rebuilt.clock.instant = messaging.clock.now()
    for n in order:
        await rebuilt.feed(events[n])
    kept = "select shop, version, addresses from policies order by 1, 2"
    assert await rebuilt.rows(kept) == await messaging.rows(kept)
    assert await save(rebuilt, "other", tea) == TAKEN
    assert await save(rebuilt, "s", tea) == SAVED
