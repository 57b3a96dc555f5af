"""Flows and templates that are saved at the same moment, and flows whose texts ask too much. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ..templates.test_own import SPRING as TEXTS
from .test_documents import PLAIN

ON = {**PLAIN, "trigger": {"on": "event", "event": "order.completed", "details": {"tier": "order_id"}}}
NAMES = ["one", "two", "three", "four", "five", "six"]


async def test_flows_that_are_saved_at_the_same_moment_all_are(messaging: Any) -> None:
    """MSG-029: versions are numbered together."""
    async with messaging.client() as client:
        saves = (client.put(f"/v1/shops/s/flows/{name}", json={"document": {**ON, "flow": name}}) for name in NAMES)
        answers = await asyncio.gather(*saves)
        assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
        again = (client.put("/v1/shops/s/flows/one", json={"document": {**ON, "flow": "one"}, "replaces": version})
                 for version in [answers[0].json()["version"]] * 2)  # fmt: skip
        told = sorted(await asyncio.gather(*again), key=lambda answer: int(answer.status_code))
        assert [answer.status_code for answer in told] == [200, 409]
        assert told[1].json()["version"] == told[0].json()["version"] == 7


async def test_templates_that_are_saved_at_the_same_moment_all_are(messaging: Any) -> None:
    async with messaging.client() as client:
        saves = (
            client.put(f"/v1/shops/s/templates/{name}", json={"document": {**TEXTS, "template": name}, "author": "li"})
            for name in NAMES
        )
        answers = await asyncio.gather(*saves)
        assert sorted(answer.json().get("version") for answer in answers) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("template", "value"), [("sale_days", "day"), ("order_shipped", "order_id")])
async def test_a_text_that_asks_for_what_no_message_of_the_flow_has_is_refused(
    messaging: Any, template: str, value: str
) -> None:
    """MSG-052; what-if refuses it too. A flow that is switched off may be saved."""
    steps = [PLAIN["steps"][0], {"id": "b", "do": "message", "template": template}]
    document = {**ON, "steps": steps}
    days = {"since": "2025-03-01T00:00:00Z", "until": "2025-03-03T00:00:00Z"}
    async with messaging.client() as client:
        for answer in (
            await client.put("/v1/shops/s/flows/mine", json={"document": document}),
            await client.post("/v1/shops/s/flows/mine/what-if", json={**days, "document": document}),
        ):
            assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (422, "flow_refused")
            assert f"steps.b: '{template}' cannot be written here: '{value}' is undefined" in answer.text
        off = await client.put("/v1/shops/s/flows/mine", json={"document": {**document, "enabled": False}})
        assert off.status_code == 200
        trigger = {**ON["trigger"], "details": {value: "order_id"}}
        on = await client.put("/v1/shops/s/flows/mine", json={"document": {**document, "trigger": trigger}})
        assert on.status_code == 200, on.text
