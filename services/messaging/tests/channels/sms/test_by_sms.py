"""Text messages from event to gateway: consent, doubt, opt-outs and bounces of their own. On a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from common.crypto.sealing import seal
from common.events import EventData
from common.events.customers import ConsentChanged, CustomerUpdated
from common.events.messages import ContactOptedOut
from messaging.channels.sms.channel import SmsChannel
from messaging.channels.sms.settings import SmsSettings
from messaging.commands.consent import opt_out
from messaging.jobs.sending import sender_of
from regulars.testing import OwnTopics

from ...conftest import TUESDAY_TEN
from ...sending import retry_at_once
from ...verification.test_verifying import verify
from .gateways import Gateway, answers, hangs_up, takes, takes_and_hangs_up

STATES = "select flow, state, reason from messages where channel = 'sms' order by 1, 2"
NUMBER = "+8613800138000"


@pytest_asyncio.fixture(params=["aliyun", "twilio"])
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    async with Gateway(request.param).listening() as made:
        yield made


async def known(messaging: Any, customer: str = "c1", *, consent: bool = True, number: str = NUMBER) -> None:
    """A customer with a telephone; the shop writes by text message alone."""
    async with messaging.client() as client:
        answer = await client.put("/v1/shops/s/policy", json={"policy": {"channels": ["sms"]}})
        assert answer.status_code == 200, answer.text
    await messaging.feed(*messaging.known(customer))
    sealed: dict[str, Any] = {
        name: seal(text, messaging.data_keys[customer], "k1", "s", customer, name)
        for name, text in (("email", f"{customer}@example.test"), ("phone", number))
    }
    said: list[EventData] = [CustomerUpdated(revision=5, **sealed)]
    said += [ConsentChanged(channel="sms", purpose="marketing", granted=True)] if consent else []
    day_before = TUESDAY_TEN - timedelta(days=1)
    await messaging.feed(
        *[messaging.event(d, f"{customer}-sms-{n}", day_before, customer=customer) for n, d in enumerate(said)]
    )


async def ask(messaging: Any, customer: str = "c1") -> None:
    """A notice and an offer, decided; what happened before the policy was saved asks for nothing by SMS."""
    now = messaging.clock.now() + timedelta(seconds=1)
    messaging.clock.instant = now
    await messaging.feed(messaging.notice("o1", now, customer=customer), messaging.tier_up(1, now, customer=customer))
    await messaging.decide()


async def send(messaging: Any, gateway: Gateway) -> int:
    channel = SmsChannel.opened(SmsSettings(**gateway.settings))
    sender, connection = sender_of(messaging.database, messaging.keys, messaging.links, channel), channel.connect()
    try:
        return await sender.step(connection)
    finally:
        await connection.close()


async def test_a_notice_and_an_offer_go_by_sms(messaging: Any, gateway: Gateway, topics: OwnTopics) -> None:
    await known(messaging)
    await ask(messaging)
    assert await send(messaging, gateway) == 2
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None), ("tier", "sent", None)]
    if gateway.shape == "twilio":
        assert [f["Body"] for f in gateway.taken] == [
            "s: order o1 is on its way.",
            "s: you are now VIP. Thank you for coming back to us. Reply STOP to opt out.",
        ]
    else:
        assert [f["TemplateCode"] for f in gateway.taken] == ["SMS_1", "SMS_2"]
        assert '"tier":"VIP"' in gateway.taken[1]["TemplateParam"]
    assert await verify(messaging, topics) == []


async def test_an_offer_needs_consent_for_sms_and_none_leaves_after_an_opt_out(
    messaging: Any, gateway: Gateway
) -> None:
    await known(messaging)
    await known(messaging, "c2", consent=False, number="+8613900139000")
    await ask(messaging)
    await ask(messaging, "c2")
    refused = "select customer, reason from candidates where flow = 'tier' and outcome = 'suppress'"
    assert await messaging.rows(refused) == [("c2", "no_consent")]
    await opt_out(messaging.database, ("s", "c1"), ContactOptedOut(channel="sms", via="test"))
    await send(messaging, gateway)
    assert len(gateway.taken) == 2, "both notices"
    assert ("tier", "suppressed", "opted_out") in await messaging.rows(STATES)


async def test_a_lost_reply_is_looked_up_and_counts_as_sent(messaging: Any, gateway: Gateway) -> None:
    """M1: 0 duplicates."""
    gateway.reply = takes_and_hangs_up
    await known(messaging)
    await ask(messaging)
    await send(messaging, gateway)
    await retry_at_once(messaging)
    assert await send(messaging, gateway) == 0
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None), ("tier", "sent", None)]
    assert len(gateway.taken) == 2


async def test_an_offer_in_doubt_is_never_sent_again_and_a_notice_once(messaging: Any, gateway: Gateway) -> None:
    gateway.reply = hangs_up
    await known(messaging)
    await ask(messaging)
    await send(messaging, gateway)
    assert await messaging.rows(STATES) == [("order_shipped", "queued", "no_answer"), ("tier", "unknown", "no_answer")]
    gateway.reply = takes
    await retry_at_once(messaging)
    await send(messaging, gateway)
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None), ("tier", "unknown", "no_answer")]
    assert len(gateway.taken) == 1


async def test_a_number_that_nobody_has_gets_nothing_more(messaging: Any, gateway: Gateway) -> None:
    bad = {"aliyun": {"Code": "isv.MOBILE_NUMBER_ILLEGAL"}, "twilio": {"code": 21211}}[gateway.shape]
    gateway.reply = answers(bad, "400 Bad Request")
    await known(messaging)
    await ask(messaging)
    await send(messaging, gateway)
    assert {row[1] for row in await messaging.rows(STATES)} == {"failed"}
    await messaging.feed(messaging.notice("o2", messaging.clock.now()))
    await messaging.decide()
    assert ("suppress", "bounced") in await messaging.outcomes()


async def test_a_gateway_that_refuses_us_pauses_the_channel_and_loses_nothing(messaging: Any, gateway: Gateway) -> None:
    refusal = {"aliyun": {"Code": "isv.AMOUNT_NOT_ENOUGH"}, "twilio": {"code": 20003}}[gateway.shape]
    gateway.reply = answers(refusal, "400 Bad Request")
    await known(messaging)
    await ask(messaging)
    await send(messaging, gateway)
    assert {row[1] for row in await messaging.rows(STATES)} == {"queued"}
    assert await messaging.rows("select channel, shop from pauses") == [("sms", "")]


async def test_the_text_is_shown_with_its_parts_and_a_customer_is_found_by_number(messaging: Any) -> None:
    await known(messaging)
    await ask(messaging)
    ((offer,),) = await messaging.rows("select message_id from candidates where flow = 'tier' and channel = 'sms'")
    async with messaging.client() as client:
        shown = (await client.get(f"/v1/shops/s/messages/{offer}/text?language=zh")).json()
        assert shown["text"] == "s：…，您已成为 VIP 会员，感谢光临。回T退订"
        assert shown["segments"] == {"encoding": "ucs2", "units": 28, "parts": 1}
        found = await client.post("/v1/shops/s/customers/search", json={"channel": "sms", "address": "+86 13800138000"})
        assert found.json()["customers"] == ["c1"]
