"""Messages by chat from event to robot: consent, bounces, opt-outs and caps of their own. On a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from common.crypto.sealing import seal
from common.events import EventData
from common.events.customers import ConsentChanged, CustomerUpdated
from common.events.messages import ContactOptedOut
from messaging.channels.chat.channel import ChatChannel
from messaging.channels.chat.settings import ChatSettings
from messaging.commands.consent import opt_out
from messaging.jobs.sending import sender_of
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ...conftest import TUESDAY_TEN
from ...verification.test_verifying import verify
from .robots import Robot, answer, errcode, hang_up

CHAT = ChatChannel.opened(ChatSettings(chat_private_hosts=True))
STATES = "select customer, channel, flow, state, reason from messages order by 1, 2, 3"


@pytest_asyncio.fixture
async def robot() -> AsyncIterator[Robot]:
    async with Robot().listening() as made:
        yield made


async def known(messaging: Any, url: str, customer: str = "c1", *, consent: bool = True) -> None:
    """A customer with an address on both channels; the shop writes by both."""
    await messaging.feed(*messaging.known(customer))
    sealed: dict[str, Any] = {
        name: seal(text, messaging.data_keys[customer], "k1", "s", customer, name)
        for name, text in (("name", f"Name of {customer}"), ("email", f"{customer}@example.test"), ("chat", url))
    }
    said: list[EventData] = [CustomerUpdated(revision=5, **sealed)]
    said += [ConsentChanged(channel="chat", purpose="marketing", granted=True)] if consent else []
    day_before = TUESDAY_TEN - timedelta(days=1)
    await messaging.feed(
        *[messaging.event(d, f"{customer}-chat-{n}", day_before, customer=customer) for n, d in enumerate(said)]
    )


async def both_channels(messaging: Any) -> None:
    async with messaging.client() as client:
        answer = await client.put("/v1/shops/s/policy", json={"policy": {"channels": ["email", "chat"]}})
        assert answer.status_code == 200, answer.text


async def send(messaging: Any) -> int:
    sender, connection = sender_of(messaging.database, messaging.keys, messaging.links, CHAT), CHAT.connect()
    try:
        return await sender.step(connection)
    finally:
        await connection.close()


async def test_a_notice_goes_by_both_channels_and_each_has_its_own_end(
    messaging: Any, robot: Robot, mailsink: MailSink, connection: Any, topics: OwnTopics
) -> None:
    await both_channels(messaging)
    await known(messaging, robot.url)
    await messaging.feed(messaging.notice("o1"))
    await messaging.decide()
    assert await send(messaging) == 1
    assert await messaging.rows(STATES) == [
        ("c1", "chat", "order_shipped", "sent", None),
        ("c1", "email", "order_shipped", "queued", None),
    ]
    assert robot.taken[0]["text"]["content"].startswith("s: order o1 is on its way\n\nDear Name of c1,")
    await messaging.sender(mailsink.port).step(connection)
    assert mailsink.count == 1
    assert await verify(messaging, topics) == []


async def test_a_shop_that_names_no_channel_goes_on_writing_mails_alone(messaging: Any, robot: Robot) -> None:
    await known(messaging, robot.url)
    await messaging.feed(messaging.notice("o1"), messaging.tier_up(1))
    await messaging.decide()
    assert {channel for _, channel, *_ in await messaging.rows(STATES)} == {"email"}


async def test_a_channel_that_people_do_is_in_no_policy(messaging: Any) -> None:
    async with messaging.client() as client:
        refused = await client.put("/v1/shops/s/policy", json={"policy": {"channels": ["email", "phone"]}})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/by_people")


async def test_an_offer_by_chat_needs_consent_for_chat(messaging: Any, robot: Robot) -> None:
    """SEC-005: consent to e-mail is none to chat; and an opt-out of chat leaves e-mail alone."""
    await both_channels(messaging)
    await known(messaging, robot.url, "c1", consent=False)
    await known(messaging, robot.url.replace("5ec", "6ec"), "c2")
    await messaging.feed(messaging.tier_up(1), messaging.tier_up(1, customer="c2"))
    await opt_out(messaging.database, ("s", "c2"), ContactOptedOut(channel="chat", via="link"))
    await messaging.decide()
    found = await messaging.rows("select customer, channel, outcome, reason from candidates order by 1, 2")
    assert found == [
        ("c1", "chat", "suppress", "no_consent"),
        ("c1", "email", "send", "allowed"),
        ("c2", "chat", "suppress", "opted_out"),
        ("c2", "email", "send", "allowed"),
    ]


async def test_one_window_takes_one_message_of_all_channels(messaging: Any, robot: Robot) -> None:
    await both_channels(messaging)
    await known(messaging, robot.url)
    await messaging.feed(messaging.tier_up(1))
    await messaging.decide()
    found = await messaging.rows("select outcome, reason from candidates order by 1, 2")
    assert found == [("hold", "window_taken"), ("send", "allowed")]


async def test_a_robot_that_is_gone_gets_nothing_more_until_it_is_lifted_and_mails_go_on(
    messaging: Any, robot: Robot, topics: OwnTopics
) -> None:
    robot.reply = errcode(93000, "invalid webhook url")
    await both_channels(messaging)
    await known(messaging, robot.url)
    await messaging.feed(messaging.notice("o1"))
    await messaging.decide()
    await send(messaging)
    await messaging.feed(messaging.notice("o2"))
    await messaging.decide()
    found = await messaging.rows("select channel, outcome, reason from candidates where cause like '%o2%' order by 1")
    assert found == [("chat", "suppress", "bounced"), ("email", "send", "allowed")]
    assert ("c1", "chat", "order_shipped", "failed", "bounced_chat_93000") in await messaging.rows(STATES)
    robot.reply = answer()
    async with messaging.client() as client:
        assert (await client.delete("/v1/shops/s/customers/c1/bounces/email")).status_code == 404
        assert (await client.delete("/v1/shops/s/customers/c1/bounces/chat")).status_code == 204
    await messaging.feed(messaging.notice("o3"))
    await messaging.decide()
    assert await send(messaging) == 1
    assert await verify(messaging, topics) == []


async def test_customers_of_one_group_share_its_opt_out(messaging: Any, robot: Robot, topics: OwnTopics) -> None:
    await both_channels(messaging)
    for customer in ("c1", "c2"):
        await known(messaging, robot.url, customer)
    await opt_out(messaging.database, ("s", "c1"), ContactOptedOut(channel="chat", via="link"))
    await messaging.feed(messaging.tier_up(1, customer="c2"))
    await messaging.decide()
    found = await messaging.rows("select channel, reason from candidates order by 1")
    assert found == [("chat", "opted_out"), ("email", "allowed")]
    assert await verify(messaging, topics) == []


async def test_an_answer_that_is_lost_leaves_an_offer_in_doubt_and_repeats_a_notice_once(
    messaging: Any, robot: Robot, topics: OwnTopics
) -> None:
    robot.reply = hang_up
    await both_channels(messaging)
    await known(messaging, robot.url)
    await opt_out(messaging.database, ("s", "c1"), ContactOptedOut(channel="email", via="link"))
    await messaging.feed(messaging.tier_up(1), messaging.notice("o1"))
    await messaging.decide()
    for _ in range(4):
        await messaging.rows("update messages set next_try_at = '-infinity' returning 1")
        await send(messaging)
    assert [row for row in await messaging.rows(STATES) if row[1] == "chat"] == [
        ("c1", "chat", "order_shipped", "unknown", "no_answer"),
        ("c1", "chat", "tier", "unknown", "no_answer"),
    ]
    assert len(robot.taken) == 3, "the notice twice, the offer once"
    assert await verify(messaging, topics) == []


PAUSES = "select channel, shop, length(address), stage, reason, pause_s from pauses"


async def notices_by_chat(messaging: Any, url: str, *orders: str, customer: str = "c1") -> None:
    await known(messaging, url, customer)
    await messaging.feed(*[messaging.notice(order, customer=customer) for order in orders])
    await messaging.decide()


async def test_a_robot_that_refuses_pauses_itself_and_nobody_else(messaging: Any, robot: Robot) -> None:
    robot.reply = answer(b"", "429 Too Many Requests")
    await both_channels(messaging)
    await notices_by_chat(messaging, robot.url, "o1", "o2", customer="c0")
    async with Robot().listening() as healthy:
        for n in range(1, 4):
            await notices_by_chat(messaging, healthy.url.replace("5ec", f"{n}ec"), "o1", customer=f"c{n}")
        await send(messaging)
        assert len(healthy.taken) == 3, "in the same chunk, behind the refusal"
        assert len(robot.taken) == 1, "its other message was not tried"
        assert await messaging.rows(PAUSES) == [("chat", "s", 16, "answer", "http_429", 10.0)]
        await notices_by_chat(messaging, healthy.url.replace("5ec", "9ec"), "o1", customer="c9")
        await messaging.rows("update messages set next_try_at = '-infinity' where state = 'queued' returning 1")
        await send(messaging)
        assert (len(healthy.taken), len(robot.taken)) == (4, 1), "while it is paused"


async def test_a_robots_pause_doubles_until_it_takes_a_message(messaging: Any, robot: Robot) -> None:
    robot.reply = answer(b"", "429 Too Many Requests")
    await both_channels(messaging)
    await notices_by_chat(messaging, robot.url, "o1")
    for seconds in (10.0, 20.0, 40.0):
        await messaging.rows("update messages set next_try_at = '-infinity' returning 1")
        await messaging.rows("update pauses set until = clock_timestamp() returning 1")
        await send(messaging)
        assert await messaging.rows("select pause_s from pauses") == [(seconds,)]
    robot.reply = answer()
    await messaging.rows("update messages set next_try_at = '-infinity' returning 1")
    await messaging.rows("update pauses set until = clock_timestamp() returning 1")
    assert await send(messaging) == 1
    assert await messaging.rows(PAUSES) == []


async def test_a_robot_that_cannot_be_reached_pauses_itself(messaging: Any) -> None:
    await both_channels(messaging)
    await notices_by_chat(messaging, "http://127.0.0.1:1/cgi-bin/webhook/send?key=gone", "o1")
    await send(messaging)
    assert await messaging.rows(PAUSES) == [("chat", "s", 16, "connect", "connection_refused", 2.0)]


async def test_an_operator_ends_a_robots_pause_and_what_waits_goes_at_once(messaging: Any, robot: Robot) -> None:
    robot.reply = answer(b"", "429 Too Many Requests")
    await both_channels(messaging)
    await notices_by_chat(messaging, robot.url, "o1")
    await send(messaging)
    robot.reply = answer()
    async with messaging.client() as client:
        (pause,) = (await client.get("/ops/pauses")).json()
        assert (await client.delete("/ops/pauses/chat")).status_code == 404, "the channel is not paused"
        about = {"shop": pause["shop"], "address": pause["address"]}
        assert (await client.delete("/ops/pauses/chat", params=about)).status_code == 204
        assert (await client.delete("/ops/pauses/chat", params=about)).status_code == 404
    assert await send(messaging) == 1
