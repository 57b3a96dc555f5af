"""The shop's lists of messages, and the text of one without anything personal. On a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from common.events.feedback import SurveyRequested
from messaging.reports.coming import list_messages

from ..conftest import TUESDAY_TEN

PATH = "/v1/shops/s/messages"


@pytest_asyncio.fixture
async def client(messaging: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with messaging.client() as made:
        yield made


async def listed(client: httpx.AsyncClient, **asked: Any) -> list[tuple[str, str, str | None]]:
    """Flow, state and reason of all, page after page of two."""
    found, after = [], ""
    while True:
        answer = await client.get(PATH, params={"limit": 2, "after": after, **asked})
        assert answer.status_code == 200, answer.text
        found += [(each["flow"], each["state"], each["reason"]) for each in answer.json()["messages"]]
        after = answer.json()["next_after"]
        if after is None:
            return found


async def one_held_one_queued_one_suppressed(messaging: Any) -> None:
    """Marketing is held in the night; a notice is not; without consent nothing goes."""
    night = TUESDAY_TEN + timedelta(hours=14)
    messaging.clock.instant = night
    await messaging.feed(*messaging.known(), messaging.tier_up(1, night), messaging.notice("o1", night))
    await messaging.feed(*messaging.known("c2", consent=False), messaging.tier_up(2, night, customer="c2"))
    await messaging.decide()


async def test_what_is_held_is_coming_and_the_rest_is_decided(messaging: Any, client: httpx.AsyncClient) -> None:
    await one_held_one_queued_one_suppressed(messaging)
    assert await listed(client) == [("tier", "held", "window")]
    decided = await listed(client, which="decided")
    assert sorted(decided) == [("order_shipped", "queued", "allowed"), ("tier", "suppressed", "no_consent")]


async def test_lists_agree_with_the_report(messaging: Any, client: httpx.AsyncClient) -> None:
    """A number and the list behind it ask the same question."""
    await one_held_one_queued_one_suppressed(messaging)
    report = (await client.get("/v1/shops/s/report")).json()["messages"]
    for state, messages in report.items():
        both = [await listed(client, which=which, state=state) for which in ("coming", "decided")]
        assert sum(map(len, both)) == messages, state


async def test_filters_narrow_a_list(messaging: Any, client: httpx.AsyncClient) -> None:
    await one_held_one_queued_one_suppressed(messaging)
    assert await listed(client, which="decided", reason="no_consent") == [("tier", "suppressed", "no_consent")]
    assert await listed(client, which="decided", flow="lapse") == []
    assert await listed(client, reason="cap") == []


async def test_pages_hold_each_message_once_in_order_of_time(messaging: Any, client: httpx.AsyncClient) -> None:
    notices = [messaging.notice(f"o{n}", TUESDAY_TEN - timedelta(minutes=n)) for n in range(5)]
    await messaging.feed(*messaging.known(), *notices)
    waiting = await listed(client)
    assert waiting == [("order_shipped", "waiting", None)] * 5
    whole = (await client.get(PATH)).json()["messages"]
    assert [each["due_at"] for each in whole] == sorted(each["due_at"] for each in whole)
    await messaging.decide()
    assert await listed(client, which="decided") == [("order_shipped", "queued", "allowed")] * 5
    assert await listed(client) == []


async def test_a_rare_value_costs_pages_and_not_one_long_answer(messaging: Any) -> None:
    await messaging.feed(*messaging.known(), *(messaging.notice(f"o{n}") for n in range(4)), messaging.tier_up(1))
    found, after, pages = [], None, 0
    async with messaging.database.transaction() as tx:
        while pages == 0 or after is not None:
            page = await list_messages(tx, "s", "coming", {"flow": "tier"}, after, 50, 2)
            found += [row.flow for row in page.rows]
            after, pages = page.upto, pages + 1
    assert (found, pages) == (["tier"], 3)


@pytest.mark.parametrize("after", ["x", "2025-03-04~m", "2025-03-04T10:00:00+08:00~", "0001-01-01T00:00:00+08:00~m"])
async def test_a_cursor_that_no_list_gave_is_refused(client: httpx.AsyncClient, after: str) -> None:
    answer = await client.get(PATH, params={"after": after})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unreadable_cursor")


async def test_another_shop_sees_none_of_them(messaging: Any, client: httpx.AsyncClient) -> None:
    await one_held_one_queued_one_suppressed(messaging)
    answer = (await client.get("/v1/shops/other/messages")).json()
    assert (answer["messages"], answer["next_after"]) == ([], None)


async def test_the_text_of_a_message_holds_nothing_personal(messaging: Any, client: httpx.AsyncClient) -> None:
    secret = "https://shop.example/survey/secret-token"
    survey = SurveyRequested(survey_id="q1", order_id="o1", answer_url=secret, cause_at=TUESDAY_TEN)
    await messaging.feed(*messaging.known(), messaging.event(survey, "ask"))
    message_id = (await client.get(PATH)).json()["messages"][0]["message_id"]
    text = (await client.get(f"{PATH}/{message_id}/text")).json()
    assert "How do you find what you bought" in text["subject"]
    assert "o1" in text["text"]
    assert "Dear …" in text["text"]
    assert "secret-token" not in text["text"]
    assert "Name of" not in text["text"]
    chinese = (await client.get(f"{PATH}/{message_id}/text", params={"language": "zh"})).json()
    assert chinese["subject"] != text["subject"]
    missing = await client.get("/v1/shops/other/messages/m/text")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/unknown_message")
