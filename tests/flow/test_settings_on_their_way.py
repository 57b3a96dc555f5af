"""A shop's settings travel by topic: a request that comes before them waits for them, instead of being refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common.process import admission

SETTINGS = {"zone": "Europe/Berlin", "currency": "EUR"}
OTHERS = {
    "membership": "programme",
    "segmentation": "thresholds",
    "messaging": "policy",
    "feedback": "policy",
}


@pytest.mark.slow
async def test_a_request_right_after_the_settings_waits_for_them(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each of the other services, on the real bus; what is told to nobody is refused, after the same wait."""
    monkeypatch.setattr(admission, "SETTINGS_WITHIN_S", 60.0)
    for name in OTHERS:
        stack.start(name, "consumer")

    async def read() -> bool:
        followers = [stack.parts[name].runtime.follower for name in OTHERS]
        return all(f is not None and f.reached.is_set() for f in followers)

    await stack.until(read)
    assert (await stack.call("orders-ingest", "PUT", "/v1/shops/newshop/settings", json=SETTINGS)).status_code == 200
    asked = {
        name: asyncio.create_task(stack.call(name, "GET", f"/v1/shops/newshop/{path}")) for name, path in OTHERS.items()
    }

    async def all_wait() -> bool:
        return all(stack.parts[name].runtime.waiting == 1 for name in OTHERS)

    await stack.until(all_wait)
    stack.start("orders-ingest", "relay")
    assert {name: (await answer).status_code for name, answer in asked.items()} == dict.fromkeys(OTHERS, 200)

    monkeypatch.setattr(admission, "SETTINGS_WITHIN_S", 0.1)
    for name, path in OTHERS.items():
        never = await stack.call(name, "GET", f"/v1/shops/nobody/{path}")
        assert (never.status_code, never.json()["type"]) == (422, "/problems/shop_not_set_up")


async def test_a_service_that_has_not_read_the_settings_says_so(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "SETTINGS_WITHIN_S", 0.1)
    follower = stack.parts["membership"].runtime.follower
    assert follower is not None
    follower.running = True  # begun, and nothing read yet
    answer = await stack.call("membership", "GET", "/v1/shops/newshop/programme")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/settings_not_read")
    assert answer.headers["retry-after"] == "1"
