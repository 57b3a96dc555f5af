"""Links that count: who followed them is a person or a program, and both are led on (MSG-057). On a real PostgreSQL."""

from __future__ import annotations

import email
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.channels.smtp.connection import SmtpConnection
from messaging.delivery.clicks.links import LONGEST, ClickLinks, Followed
from messaging.delivery.clicks.rules import Hit, by_a_person, is_robot
from messaging.jobs.judging import judge_clicks, take_clicks
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..conftest import MASTER, TUESDAY_TEN
from ..flows.test_on_a_database import sweep, switch_on
from ..test_rebuild import announced, rebuild
from ..verification.test_verifying import verify

LINKS = ClickLinks(MASTER, "https://shop.example")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SENT = TUESDAY_TEN


def hit(seconds: float, link: int = 0, *, robot: bool = False) -> Hit:
    return Hit(link, SENT + timedelta(seconds=seconds), robot)


@pytest.mark.parametrize(
    ("hits", "people"),
    [
        ([hit(30)], [True]),
        ([hit(9.9)], [False]),
        ([hit(10)], [True]),
        ([hit(30, robot=True)], [False]),
        ([hit(30, 0), hit(31, 1)], [False, False]),
        ([hit(30, 0), hit(30.5, 0)], [True, True]),
        ([hit(30, 0), hit(33, 1)], [True, True]),
        ([hit(300, 0, robot=True), hit(301, 1)], [False, False]),
    ],
)
def test_filters_follow_at_once_and_everything_people_one_after_the_other(hits: list[Hit], people: list[bool]) -> None:
    assert [by_a_person(one, hits, SENT) for one in hits] == people


@pytest.mark.parametrize(
    ("agent", "robot"),
    [
        (FIREFOX, False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", False),
        ("Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49", False),
        ("", True),
        (None, True),
        ("curl/8.5", True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", True),
        ("Barracuda Sentinel (EE)", True),
        ("Mozilla/5.0 HeadlessChrome/126", True),
    ],
)
def test_programs_that_say_so_are_none(agent: str | None, robot: bool) -> None:
    assert is_robot(agent) is robot
    assert is_robot(agent, "prefetch;prerender")


def test_links_are_signed_and_lead_where_they_led() -> None:
    html = (
        '<p><a href="https://shop.test/tea?a=1&amp;b=&quot;" style="x">tea</a> <a href="mailto:a@b.test">us</a>'
        '<a href="https://shop.example/unsubscribe/t">out</a> <a href="https://shop.test/2">2</a>'
        f'<a href="https://shop.test/{"x" * LONGEST}">long</a></p>'
    )
    counted = LINKS.counted(html, "s", "m-1")
    found = [unescape(href) for href in re.findall(r'href="([^"]*)"', counted)]
    tokens = [urlsplit(url).path.removeprefix("/l/") for url in found if "/l/" in url]
    assert [LINKS.read(token) for token in tokens] == [
        Followed("s", "m-1", 0, 'https://shop.test/tea?a=1&b="'),
        Followed("s", "m-1", 2, "https://shop.test/2"),
    ]
    assert found[1:3] == ["mailto:a@b.test", "https://shop.example/unsubscribe/t"]
    assert found[4].startswith("https://shop.test/xxx")
    assert LINKS.read(tokens[0][:-1]) is None


@given(st.text(max_size=50))
def test_no_token_but_ours_leads_anywhere(token: str) -> None:
    assert LINKS.read(token) is None


DOCUMENT = {
    "template": "tier",
    "title": "Tea",
    "kind": "promotion",
    "texts": {
        "en": {
            "subject": "Hello",
            "text": "Look at https://shop.test/tea\n",
            "short": "Look",
            "html": '<p><a href="https://shop.test/tea">Tea</a> or <a href="https://shop.test/cups">cups</a></p>',
        }
    },
}


def html_of(line: str) -> str:
    """The HTML of a mail that the server stored."""
    parts = email.message_from_string(json.loads(line)["raw"]).walk()
    payload = next(part.get_payload(decode=True) for part in parts if part.get_content_type() == "text/html")
    assert isinstance(payload, bytes)
    return payload.decode()


STEPS = [
    {"id": "say", "do": "message", "template": "tier"},
    {"id": "seen", "do": "wait_until", "when": [{"what": "clicked.say", "known": True}], "days": 3},
    {"id": "more", "do": "message", "template": "wake_up"},
]


async def judge(service: Any) -> int:
    service.clock.instant += timedelta(seconds=61)
    async with service.database.transaction() as tx:
        tasks = await take_clicks(tx, service.clock.now(), 200)
        return await judge_clicks(tx, service.clock.now(), tasks) if tasks else 0


async def test_a_click_of_a_persons_is_announced_once(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-015, MSG-057: who has a link is led on; a person's first click on a message counts, moves a flow that waits
    for it, and no program's does."""
    await switch_on(messaging, "tier", steps=STEPS)
    async with messaging.client() as client:
        for policy in ({}, {"count_clicks": True}):
            assert (await client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
            await client.put("/v1/shops/s/templates/tier", json={"document": DOCUMENT, "author": "li"})
            version = (await client.get("/v1/shops/s/templates/tier")).json()["versions"][0]["version"]
            await client.post("/v1/shops/s/templates/tier/approval", json={"version": version, "by": "zhou"})
            customer = "c2" if policy else "c1"
            messaging.clock.instant += timedelta(seconds=1)
            await messaging.feed(*messaging.known(customer, language="en"))
            await messaging.feed(messaging.tier_up(1, messaging.clock.now(), customer=customer))
            await sweep(messaging)
            sender = messaging.sender(mailsink.port, clicks=LINKS)
            assert await sender.step(connection) == 1
        ids = dict(await messaging.rows("select customer, message_id from messages"))
        named = [Followed("s", ids["c2"], n, f"https://shop.test/{what}") for n, what in enumerate(("tea", "cups"))]
        tea, cups = (LINKS.url(one) for one in named)
        first, second = (html_of(line) for line in mailsink.store.read_text("utf-8").splitlines())
        assert "/l/" not in first
        assert tea in second
        assert cups in second

        async def follow(url: str, seconds: float, agent: str = FIREFOX, method: str = "GET") -> int:
            messaging.clock.instant += timedelta(seconds=seconds)
            answer = await client.request(method, urlsplit(url).path, headers={"user-agent": agent})
            assert answer.headers["location"] == f"https://shop.test/{'tea' if url == tea else 'cups'}"
            return int(answer.status_code)

        assert await follow(tea, 1, "") == 302
        assert await follow(tea, 30, method="HEAD") == 302
        assert await follow(tea, 30) == 302
        assert await follow(cups, 1) == 302
        assert await judge(messaging) == 3
        assert await messaging.rows("select 1 from receipts") == [], "a filter"
        assert await follow(cups, 600) == 302
        assert await follow(tea, 10) == 302
        assert await judge(messaging) == 2
        assert await judge(messaging) == 0
        assert await messaging.rows("select message_id, said, code from receipts") == [(ids["c2"], "clicked", "1")]
        await sweep(messaging)
        moved = "select customer, reason, due_at is null from flow_runs order by 1"
        assert await messaging.rows(moved) == [("c1", "waiting", False), ("c2", "finished", True)]
        assert await messaging.rows("select customer from candidates where template = 'wake_up'") == [("c2",)]
        told = (await client.get(f"/v1/shops/s/messages/{ids['c2']}")).json()
        assert told["clicked_at"] is not None
        assert (told["state"], told["receipt"]) == ("sent", None)
        assert (await client.get("/l/guessed")).status_code == 404
    clicked = "select type from outbox where type = 'message.clicked'"
    assert len(await messaging.rows(clicked)) == 1
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 6)
    kept = "select message_id, said, code, at from receipts"
    assert await rebuilt.rows(kept) == await messaging.rows(kept)
    assert await verify(messaging, topics) == []
