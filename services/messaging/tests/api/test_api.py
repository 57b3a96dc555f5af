"""What people and mail programs get from messaging over HTTP. On a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from common.crypto.sealing import derived_key
from common.events import decode
from messaging.consent.links import InvalidToken, Recipient, UnsubscribeLinks
from messaging.main import SERVICE, counters, due


@pytest_asyncio.fixture
async def client(messaging: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with messaging.client() as made:
        yield made


async def test_the_decisions_about_a_customer_say_why(messaging: Any, client: httpx.AsyncClient) -> None:
    """MSG-057: queued, or suppressed with its reason. SEC-005: no marketing without consent."""
    await messaging.feed(*messaging.known(consent=False), messaging.tier_up(1), messaging.notice("o1"))
    await messaging.decide()
    answer = await client.get("/v1/shops/s/customers/c1/decisions")
    assert {(d["flow"], d["outcome"], d["reason"]) for d in answer.json()} == {
        ("order_shipped", "send", "allowed"),
        ("tier", "suppress", "no_consent"),
    }
    message_id = answer.json()[0]["message_id"]
    one = (await client.get(f"/v1/shops/s/messages/{message_id}")).json()
    assert len(one["decisions"]) == 1
    assert one["customer"] == "c1"
    other = await client.get(f"/v1/shops/other/messages/{message_id}")
    assert (other.status_code, other.json()["type"]) == (404, "/problems/unknown_message")
    report = (await client.get("/v1/shops/s/report")).json()
    assert report["messages"] == {"queued": 1, "suppressed": 1}
    assert report["suppressed_by_reason"] == {"no_consent": 1}


async def test_pages_of_decisions_leave_out_none_of_one_instant(messaging: Any, client: httpx.AsyncClient) -> None:
    await messaging.feed(*messaging.known(), *(messaging.notice(f"o{n}") for n in range(5)))
    await messaging.decide()
    path = "/v1/shops/s/customers/c1/decisions"
    whole = (await client.get(path)).json()
    assert (len(whole), len({d["at"] for d in whole})) == (5, 1)
    page = (await client.get(path, params={"limit": 2})).json()
    assert page == whole
    assert (await client.get(path, params={"limit": 2, "before": page[-1]["at"]})).json() == []


async def test_a_decision_can_be_followed_back_to_the_request_that_caused_it(
    messaging: Any, client: httpx.AsyncClient
) -> None:
    """From the shop's X-Correlation-Id, which the event bears, to the decision and to what is announced of it."""
    notice = replace(messaging.notice("o1"), correlationid="checkout-4711")
    offer = replace(messaging.tier_up(1), correlationid="checkout-4711")
    await messaging.feed(*messaging.known(consent=False), notice, offer, messaging.notice("o2"))
    await messaging.decide()
    answer = await client.get("/v1/shops/s/customers/c1/decisions")
    followed = {(d["flow"], d["correlation_id"]) for d in answer.json()}
    own = messaging.notice("o2").id
    assert followed == {("order_shipped", "checkout-4711"), ("tier", "checkout-4711"), ("order_shipped", own)}
    one = (await client.get(f"/v1/shops/s/messages/{answer.json()[0]['message_id']}")).json()
    assert one["correlation_id"] in ("checkout-4711", own)
    [announced] = await messaging.rows("select payload from outbox where type = 'message.suppressed'")
    assert decode(announced[0]).correlationid == "checkout-4711"


async def test_the_events_of_an_opt_out_bear_the_id_of_its_request(messaging: Any, client: httpx.AsyncClient) -> None:
    body = {"customer": "c1", "channel": "email"}
    await client.post("/v1/shops/s/opt-outs", json=body, headers={"x-correlation-id": "call-7"})
    [announced] = await messaging.rows("select payload from outbox where type = 'contact.opted_out'")
    assert decode(announced[0]).correlationid == "call-7"


async def test_the_policy_is_versioned_and_the_next_decision_goes_by_it(
    messaging: Any, client: httpx.AsyncClient
) -> None:
    """MSG-006: windows and caps are changed without a restart, validated, and not lost between two people."""
    assert (await client.get("/v1/shops/s/policy")).json()["version"] == 0
    closed = {"windows": [{"start": "22:00", "end": "23:00"}], "caps": {"all_channels": 0}}
    saved = await client.put("/v1/shops/s/policy", json={"policy": closed, "replaces": 0})
    assert (saved.status_code, saved.json()["version"]) == (200, 1)
    stale = await client.put("/v1/shops/s/policy", json={"policy": {}, "replaces": 0})
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/policy_changed")
    wrong = await client.put("/v1/shops/s/policy", json={"policy": {"windows": [{"start": "23:00", "end": "22:00"}]}})
    assert wrong.status_code == 422
    assert "must end after it starts" in wrong.json()["detail"]
    await messaging.feed(*messaging.known(), messaging.tier_up(1))
    await messaging.decide()
    assert await messaging.outcomes() == [("hold", "window")]


@pytest.mark.parametrize("name", [" ", "\u2028", "\u200b", "\u3164", "Tea\nHouse", "\u202eaeT"])
async def test_a_sender_of_whom_nothing_shows_is_refused(client: httpx.AsyncClient, name: str) -> None:
    asked = {"policy": {"sender_name": name}}
    for answer in (
        await client.put("/v1/shops/s/policy", json=asked),
        await client.post("/v1/shops/s/policy/preview", json=asked),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/policy/sender_name")


async def test_one_click_opts_out_without_a_login_and_a_visit_does_not(
    messaging: Any, client: httpx.AsyncClient
) -> None:
    """RFC 8058, MSG-009, SEC-005: the POST alone opts out; a program that only fetches the link changes nothing."""
    await messaging.feed(*messaging.known())
    url = messaging.links.url(Recipient("s", "c1", "email"))
    del client.headers["authorization"]
    page = await client.get(url)
    assert (page.status_code, '<form method="post">' in page.text) == (200, True)
    assert await messaging.rows("select count(*) from permissions where state = 'opted_out'") == [(0,)]
    done = await client.post(url, data={"List-Unsubscribe": "One-Click"})
    assert (done.status_code, "set-cookie" in done.headers) == (200, False)
    assert (await client.post(url)).status_code == 200, "twice is as good as once"
    await messaging.feed(messaging.tier_up(1))
    await messaging.decide()
    assert await messaging.outcomes() == [("suppress", "opted_out")]


async def test_consent_given_anew_ends_an_opt_out(messaging: Any, client: httpx.AsyncClient) -> None:
    """MSG-009: an opt-out is kept until then."""
    from datetime import timedelta

    await messaging.feed(*messaging.known())
    body = {"customer": "c1", "channel": "email"}
    assert (await client.post("/v1/shops/s/opt-outs", json=body)).json() == {"taken_back": 0}
    messaging.clock.instant += timedelta(minutes=1)
    assert (await client.post("/v1/shops/s/opt-ins", json=body)).status_code == 204
    listed = (await client.get("/v1/shops/s/customers/c1/permissions")).json()
    assert [(p["purpose"], p["state"]) for p in listed] == [("marketing", "granted"), ("survey", "opted_out")]
    await messaging.feed(messaging.tier_up(1))
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed")]


async def test_the_unsubscribe_page_and_the_mail_name_the_shop_as_its_settings_do(
    messaging: Any, client: httpx.AsyncClient
) -> None:
    url = messaging.links.url(Recipient("s", "c1", "email"))
    assert '<p class="shop">s</p>' in (await client.get(url)).text, "the identifier, where no name is set"
    name = '{"name": "Leaf & Bean"}'
    await messaging.rows(
        f"update shop_settings set body = body || cast('{name}' as jsonb) where shop = 's' returning 1"
    )
    for page in (await client.get(url), await client.post(url)):
        assert '<p class="shop">Leaf &amp; Bean</p>' in page.text
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.decide()
    async with messaging.database.transaction() as tx:
        (ready,) = await messaging.sender(1).take(tx)
    assert ready.letter.sender_name == "Leaf & Bean"
    assert "Leaf & Bean" in ready.letter.subject


@pytest.mark.parametrize("change", ["", "x", "no-token-at-all"])
async def test_a_link_that_is_not_ours_opts_nobody_out(messaging: Any, client: httpx.AsyncClient, change: str) -> None:
    url = messaging.links.url(Recipient("s", "c1", "email"))
    token = change if change.startswith("no") else url.rsplit("/", 1)[1][:-1] + change
    for answer in (await client.get(f"/unsubscribe/{token}"), await client.post(f"/unsubscribe/{token}")):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "This link is not complete" in answer.text, "a person reads it, on a page"
        assert "<form" not in answer.text


async def test_the_unsubscribe_page_speaks_chinese_to_whom_it_should(messaging: Any, client: httpx.AsyncClient) -> None:
    url = messaging.links.url(Recipient("s", "c1", "email"))
    page = await client.get(url, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "<h1>退订</h1>" in page.text


def test_every_changed_byte_breaks_a_link() -> None:
    links = UnsubscribeLinks(bytes(32), "https://shop.example")
    token = links.url(Recipient("s", "c1", "email")).rsplit("/", 1)[1]
    assert links.read(token) == Recipient("s", "c1", "email")
    for n in range(len(token) - 1):  # the last character of base64 holds bits that do not count
        broken = token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :]
        with pytest.raises(InvalidToken):
            links.read(broken)
    with pytest.raises(InvalidToken):
        UnsubscribeLinks(derived_key(bytes(32), "other"), "https://shop.example").read(token)


async def test_a_key_without_the_scope_and_no_key_get_nothing(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]
    for path in ("customers/c1/decisions", "messages/x", "policy", "report", "customers/c1/permissions"):
        assert (await client.get(f"/v1/shops/s/{path}")).status_code == 401
    assert (await client.post("/v1/shops/s/opt-outs", json={})).status_code == 401


async def test_what_is_open_is_counted_until_it_is_done(messaging: Any) -> None:
    """The settled check: due candidates, queued and leased messages."""

    async def seen() -> tuple[int, int]:
        async with messaging.database.transaction() as tx:
            return await due(tx, messaging.clock.now()), (await counters(tx))["leases"]

    await messaging.feed(*messaging.known(), messaging.tier_up(1))
    assert await seen() == (1, 0)
    await messaging.decide()
    assert await seen() == (1, 1)
    async with messaging.database.transaction() as tx:
        await messaging.sender(1).take(tx)
    assert await seen() == (0, 1)


def test_the_migrations_are_where_main_says() -> None:
    assert (Path(SERVICE.migrations) / "0001_initial.sql").is_file()
