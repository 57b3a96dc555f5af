"""The preference centre: what a customer ticks holds from the answer on. On a real PostgreSQL."""

from __future__ import annotations

import re
from typing import Any

import pytest

from common.events.customers import CustomerErased
from messaging.consent.links import Recipient
from regulars.testing import OwnTopics

from ..channels.sms.test_by_sms import ask, known
from ..verification.test_verifying import verify

NOW = "select distinct on (channel, purpose) channel, purpose, state, via from permissions order by 1, 2, at desc"


def path(messaging: Any, customer: str = "c1") -> str:
    url = messaging.links.url(Recipient("s", customer, "email"))
    return str(url).replace("https://shop.example/unsubscribe", "/preferences")


def boxes(html: str) -> dict[str, bool]:
    """Each box of the page, and whether it is ticked."""
    found = re.findall(r'name="yes" value="([^"]+)"( checked)?', html)
    return {name: bool(ticked) for name, ticked in found}


def shown(html: str) -> list[str]:
    return re.findall(r'name="shown" value="([^"]+)"', html)


async def test_what_is_ticked_holds_from_the_answer_on(messaging: Any, topics: OwnTopics) -> None:
    """MSG-009, SEC-005: by channel and purpose; what is queued is taken back, and notices go."""
    await known(messaging)
    await ask(messaging)
    async with messaging.client() as client:
        page = await client.get(path(messaging))
        assert page.status_code == 200
        assert boxes(page.text) == {
            "email/marketing": True, "email/survey": True, "sms/marketing": True, "sms/survey": False,
            "phone/marketing": False, "phone/survey": False,
        }  # fmt: skip
        assert "example.test" not in page.text + path(messaging), "no address is shown"
        assert "138" not in page.text
        wanted = {"shown": shown(page.text), "yes": ["email/survey", "sms/survey"]}
        saved = await client.post(path(messaging), data=wanted, headers={"accept-language": "zh-CN"})
    assert saved.status_code == 200
    assert "已保存" in saved.text
    assert boxes(saved.text) == {
        "email/marketing": False, "email/survey": True, "sms/marketing": False, "sms/survey": True,
        "phone/marketing": False, "phone/survey": False,
    }  # fmt: skip
    rows = await messaging.rows(NOW)
    assert [row[:3] for row in rows] == [
        ("email", "marketing", "opted_out"),
        ("email", "survey", "granted"),
        ("sms", "marketing", "opted_out"),
        ("sms", "survey", "granted"),
    ]
    assert [row[3] == "preferences" for row in rows] == [True, False, True, True], "what stayed was not said again"
    assert await messaging.rows("select flow, state from messages order by 1") == [
        ("order_shipped", "queued"),
        ("tier", "suppressed"),
    ]
    assert await verify(messaging, topics) == []


async def test_a_visit_and_a_robots_post_change_nothing(messaging: Any) -> None:
    await known(messaging)
    before = await messaging.rows(NOW)
    async with messaging.client() as client:
        await client.get(path(messaging))
        await client.post(path(messaging))
        await client.post(path(messaging), data={"List-Unsubscribe": "One-Click"})
        await client.post(path(messaging), data={"yes": "sms/survey"})
        await client.post(path(messaging), data={"shown": ["phone/marketing/0", "x", "sms/nothing/1"], "yes": ["x"]})
        await client.post(path(messaging), data={"shown": ["sms/survey/0"] * 60, "yes": ["sms/survey"]})
        page = await client.get(path(messaging))
        form = {"shown": shown(page.text), "yes": [name for name, ticked in boxes(page.text).items() if ticked]}
        await client.post(path(messaging), data=form)
    assert await messaging.rows(NOW) == before


async def test_what_was_said_elsewhere_since_the_page_was_opened_stands(messaging: Any) -> None:
    await known(messaging)
    async with messaging.client() as client:
        page = await client.get(path(messaging))
        out = {"customer": "c1", "channel": "email", "purpose": "marketing"}
        assert (await client.post("/v1/shops/s/opt-outs", json=out)).status_code == 200
        ticked = [*(name for name, ticked in boxes(page.text).items() if ticked), "sms/survey"]
        saved = await client.post(path(messaging), data={"shown": shown(page.text), "yes": ticked})
    assert boxes(saved.text)["email/marketing"] is False
    assert boxes(saved.text)["sms/survey"] is True


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_bad_link_and_an_erased_customer_have_no_choices(messaging: Any, language: str) -> None:
    await known(messaging)
    async with messaging.client() as client:
        client.headers["accept-language"] = language
        for answer in (await client.get("/preferences/guessed"), await client.post("/preferences/guessed")):
            assert answer.status_code == 404
            assert boxes(answer.text) == {}
        await messaging.feed(messaging.event(CustomerErased(), "erased", messaging.clock.now()))
        page = await client.get(path(messaging))
    assert (page.status_code, boxes(page.text)) == (200, {})


async def test_the_unsubscribe_page_leads_to_the_choices(messaging: Any) -> None:
    await known(messaging)
    async with messaging.client() as client:
        asked = await client.get(path(messaging).replace("/preferences", "/unsubscribe"))
        link = re.findall(r'href="\.\.(/preferences/[^"]+)"', asked.text)
        assert link == [path(messaging)]
        assert (await client.get(link[0])).status_code == 200
