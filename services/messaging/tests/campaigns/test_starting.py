"""What keeps a campaign from starting, and what does not. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.events.messages import TemplateChanged
from common.events.segments import SegmentDefined

from ..campaigns_of import SPRING
from ..templates.test_own import SPRING as TEXTS
from .test_on_a_database import BASE, act

POLICY = "/v1/shops/s/policy"
NAMES = ["one", "two", "three", "four", "five", "six"]


def of(name: str) -> str:
    return f"/v1/shops/s/campaigns/{name}"


async def test_those_that_start_at_the_same_moment_all_start(messaging: Any) -> None:
    """MSG-050: versions are numbered together, and nobody is told of another version that nobody saved."""
    async with messaging.client() as client:
        saved = await asyncio.gather(
            *(client.put(of(name), json={"document": {**SPRING, "campaign": name}}) for name in NAMES)
        )
        assert [answer.status_code for answer in saved] == [200] * 6, [answer.text for answer in saved]
        started = await asyncio.gather(
            *(client.post(f"{of(name)}/actions", json={"action": "start"}) for name in NAMES)
        )
        assert [answer.status_code for answer in started] == [200] * 6, [answer.text for answer in started]
        versions = await messaging.rows("select version from campaign_versions order by 1")
        assert versions == [(n,) for n in range(1, 13)]


async def test_one_that_is_started_twice_at_the_same_moment_starts_once(messaging: Any) -> None:
    async with messaging.client() as client:
        assert (await client.put(BASE, json={"document": SPRING})).status_code == 200
        twice = [client.post(f"{BASE}/actions", json={"action": "start"}) for _ in range(2)]
        answers = sorted(await asyncio.gather(*twice), key=lambda answer: int(answer.status_code))
        assert [answer.status_code for answer in answers] == [200, 409]
        assert "The campaign is running: it cannot be asked to start" in answers[1].text


@pytest.mark.parametrize(("template", "value"), [("sale_days", "day"), ("order_shipped", "order_id"), ("tier", "tier")])
async def test_a_text_that_asks_for_what_a_campaign_has_not_is_refused(
    messaging: Any, template: str, value: str
) -> None:
    """MSG-052: nobody in that arm would be written to."""
    document = {**SPRING, "variants": [*SPRING["variants"], {"name": "c", "template": template}]}
    async with messaging.client() as client:
        refused = await client.put(BASE, json={"document": document})
        assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "campaign_refused")
        said = f"variants.c: '{template}' cannot be written for a campaign: '{value}' is undefined"
        assert refused.json()["problems"] == [said]


async def test_a_text_that_was_changed_meanwhile_is_asked_for_its_values_at_the_start_and_on_resuming(
    messaging: Any,
) -> None:
    now = messaging.clock.now()
    async with messaging.client() as client:
        assert (await client.put(BASE, json={"document": SPRING})).status_code == 200
        await take(messaging, 1, {**TEXTS, "template": "win_back"})
        assert "'gift' is undefined" in (await act(client, "start", 409))["detail"]
        whole = {"en": {field: text.replace("gift", "shop_name") for field, text in TEXTS["texts"]["en"].items()}}
        await take(messaging, 2, {**TEXTS, "template": "win_back", "values": {}, "texts": whole})
        await act(client, "start")
        await act(client, "pause")
        draft = {"document": {**TEXTS, "template": "win_back"}, "author": "li"}
        saved = await client.put("/v1/shops/s/templates/win_back", json=draft)
        approval = {"version": saved.json()["version"], "by": "zhou"}
        refused = await client.post("/v1/shops/s/templates/win_back/approval", json=approval)
        said = "the campaign 'spring' is written by it: 'gift' is undefined"
        assert (refused.status_code, said in refused.text) == (422, True)
        await take(messaging, 4, {**TEXTS, "template": "win_back"})
        assert "'gift' is undefined" in (await act(client, "resume", 409))["detail"]
        await act(client, "stop")
    assert messaging.clock.now() == now


async def take(messaging: Any, version: int, document: Any) -> None:
    """A text that an earlier release approved."""
    now = messaging.clock.now()
    taken = TemplateChanged(version=version, valid_from=now, document=document, author="li", approved_by="zhou")
    await messaging.feed(messaging.event(taken, f"taken-{version}", now, customer=None))


async def test_a_limit_of_cost_needs_somebody_held_out_at_the_start_too(messaging: Any) -> None:
    """XCT-010: the shop may hold out nobody any more since it was saved."""
    dear = {**SPRING, "hold_out_percent": 0, "cost_per_message": 100, "stop": {"cost_per_extra_order": 200}}
    async with messaging.client() as client:
        assert (await client.put(POLICY, json={"policy": {"hold_out_percent": 10}})).status_code == 200
        assert (await client.put(BASE, json={"document": dear})).status_code == 200
        messaging.clock.instant += timedelta(minutes=1)
        assert (await client.put(POLICY, json={"policy": {"hold_out_percent": 0}})).status_code == 200
        messaging.clock.instant += timedelta(minutes=1)
        assert "nobody knows which orders are extra" in (await act(client, "start", 409))["detail"]


async def test_a_segment_that_was_ended_meanwhile_keeps_it_from_starting(messaging: Any) -> None:
    now = messaging.clock.now()
    gone = SegmentDefined(version=1, valid_from=now, segment="gone", name="Gone", expression="lapsed")
    await messaging.feed(messaging.event(gone, "defined", now, customer=None))
    async with messaging.client() as client:
        group = [{"what": "segment.gone", "is": "in"}]
        assert (await client.put(BASE, json={"document": {**SPRING, "group": group}})).status_code == 200
        ended = gone.model_copy(update={"version": 2, "archived": True})
        await messaging.feed(messaging.event(ended, "ended", now, customer=None))
        assert "there is no segment 'gone'" in (await act(client, "start", 409))["detail"]
