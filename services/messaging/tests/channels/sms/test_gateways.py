"""Handing one text message to gateways that answer as documented, and to others: what is known of it afterwards."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from messaging.channels.protocol import Delivery, Letter, MayLeave, Trouble, always
from messaging.channels.sms.aliyun import signature
from messaging.channels.sms.breaker import Breaker
from messaging.channels.sms.channel import SmsChannel
from messaging.channels.sms.settings import SmsSettings

from .gateways import Gateway, Reply, answers, hangs_up, says_nothing, takes, takes_and_hangs_up, trickles

Shape = Literal["aliyun", "twilio"]
SHAPES: tuple[Shape, ...] = ("aliyun", "twilio")
LETTER = Letter(
    "m-1", "+8613800138000", "", "s: order o1 is on its way.", datetime(2025, 3, 4, 2, tzinfo=UTC), "s", "s@shop.test",
    shop="s", flow="order_shipped", values={"order_id": "o1", "shop_name": "s"}, receipt_url="https://shop.example/r",
)  # fmt: skip


async def sent(gateway: Gateway, may_leave: MayLeave = always, **settings: Any) -> Delivery:
    async with gateway.listening():
        quick = {"sms_answer_s": 1, "sms_connect_s": 1} if gateway.reply in (says_nothing, trickles) else {}
        channel = SmsChannel.opened(SmsSettings(**{**gateway.settings, **quick, **settings}))
        connection = channel.connect()
        try:
            return await connection.deliver(channel.render(LETTER), may_leave)
        finally:
            await connection.close()


def test_the_signature_is_the_documented_one() -> None:
    """Aliyun's own example of RPC signature 1.0."""
    params = {
        "AccessKeyId": "testid", "Action": "DescribeRegions", "Format": "XML", "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", "SignatureVersion": "1.0",
        "Timestamp": "2016-02-23T12:46:24Z", "Version": "2014-05-26",
    }  # fmt: skip
    assert signature("GET", params, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


async def test_aliyun_is_told_its_template_and_our_reference() -> None:
    gateway = Gateway("aliyun")
    assert await sent(gateway) == Delivery("accepted")
    (form,) = gateway.taken
    assert form["PhoneNumbers"] == "8613800138000"
    assert (form["SignName"], form["TemplateCode"], form["OutId"]) == ("茶铺", "SMS_1", "s/m-1")
    assert form["TemplateParam"] == '{"order_id":"o1","shop_name":"s"}'
    assert gateway.unsigned == 0


async def test_twilio_is_told_the_text_and_where_to_say_what_became_of_it() -> None:
    gateway = Gateway("twilio")
    assert await sent(gateway) == Delivery("accepted")
    assert gateway.taken == [
        {
            "To": "+8613800138000",
            "From": "+12025550100",
            "Body": LETTER.text,
            "StatusCallback": "https://shop.example/r",
        }
    ]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_lost_reply_is_settled_by_looking_it_up_and_nothing_is_sent_twice(shape: Shape) -> None:
    """M1: what the gateway names was taken; the message is never handed over again to find out."""
    gateway = Gateway(shape, takes_and_hangs_up)
    assert await sent(gateway) == Delivery("accepted")
    assert (len(gateway.taken), gateway.looked_up) == (1, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("reply", "lists"), [(hangs_up, True), (takes_and_hangs_up, False), (says_nothing, True), (trickles, True)],
    ids=["not taken", "taken and not listed yet", "no answer", "an answer without end"],
)  # fmt: skip
async def test_what_the_gateway_does_not_name_stays_in_doubt(shape: Shape, reply: Reply, lists: bool) -> None:
    gateway = Gateway(shape, reply, lists=lists)
    found = await sent(gateway, sms_look_up_s=1)
    assert (found.outcome, found.reason) == ("unknown", "no_answer")
    assert gateway.looked_up >= 1
    assert len(gateway.asked) - gateway.looked_up == 1, "handed over once"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        (b"oops", "500 Internal Server Error", "unknown"),
        (b"", "502 Bad Gateway", "unknown"),
        (b"", "503 Service Unavailable", "withheld"),
        (b"", "429 Too Many Requests", "withheld"),
        (b"<html>welcome</html>", "200 OK", "unknown"),
        (b"[0]", "200 OK", "unknown"),
        (b"[0]", "201 Created", "unknown"),
    ],
)
async def test_only_the_documented_answer_is_a_yes(shape: Shape, body: bytes, status: str, outcome: str) -> None:
    assert (await sent(Gateway(shape, answers(body, status)))).outcome == outcome


@pytest.mark.parametrize(
    ("shape", "body", "status", "outcome", "address_bad"),
    [
        ("aliyun", {"Code": "isv.MOBILE_NUMBER_ILLEGAL"}, "200 OK", "refused", True),
        ("aliyun", {"Code": "isv.SMS_TEMPLATE_ILLEGAL"}, "200 OK", "refused", False),
        ("aliyun", {"Code": "isv.BUSINESS_LIMIT_CONTROL"}, "200 OK", "later", False),
        ("aliyun", {"Code": "isv.AMOUNT_NOT_ENOUGH"}, "200 OK", "withheld", False),
        ("aliyun", {"Code": "Throttling.User"}, "400 Bad Request", "withheld", False),
        ("aliyun", {"Code": "InvalidAccessKeyId.NotFound"}, "404 Not Found", "withheld", False),
        ("aliyun", {"Code": "isp.SYSTEM_ERROR"}, "200 OK", "unknown", False),
        ("twilio", {"code": 21211}, "400 Bad Request", "refused", True),
        ("twilio", {"code": 21610}, "400 Bad Request", "refused", True),
        ("twilio", {"code": 20003}, "401 Unauthorized", "withheld", False),
        ("twilio", {"code": 20429}, "429 Too Many Requests", "withheld", False),
        ("twilio", {"code": 21606}, "400 Bad Request", "withheld", False),
        ("twilio", {"code": 99999}, "400 Bad Request", "later", False),
    ],
)
async def test_the_code_says_what_became_of_it(
    shape: Shape, body: Any, status: str, outcome: str, address_bad: bool
) -> None:
    found = await sent(Gateway(shape, answers(body, status)))
    assert (found.outcome, found.address_bad) == (outcome, address_bad)
    assert (found.trouble is not None) == (outcome == "withheld")
    assert found.trouble is None or found.trouble.scope == "channel"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_wrong_secret_pauses_the_channel(shape: Shape) -> None:
    gateway = Gateway(shape)
    found = await sent(gateway, sms_secret="another")
    assert found.outcome == "withheld"
    assert (gateway.unsigned, gateway.taken) == (1, [])


@pytest.mark.parametrize("shape", SHAPES)
async def test_what_must_not_leave_is_kept_back_when_the_connection_stands(shape: Shape) -> None:
    gateway = Gateway(shape)

    async def recalled() -> str | None:
        return "recalled"

    assert await sent(gateway, recalled) == Delivery("forbidden", "recalled", "request")
    assert gateway.asked == []


async def test_a_gateway_that_cannot_be_reached_was_given_nothing(unused_tcp_port: int) -> None:
    gateway = Gateway("twilio")
    gateway.port = unused_tcp_port
    channel = SmsChannel.opened(SmsSettings(**gateway.settings))
    connection = channel.connect()
    found = await connection.deliver(channel.render(LETTER))
    await connection.close()
    assert (found.outcome, found.stage, found.reason) == ("withheld", "connect", "connection_refused")
    assert found.trouble is not None
    assert found.trouble.away


async def test_messages_leave_no_faster_than_the_bucket_gives_and_stop_waiting_at_the_end() -> None:
    gateway = Gateway("twilio", takes)
    async with gateway.listening():
        channel = SmsChannel.opened(SmsSettings(**gateway.settings, sms_per_second=4))
        connection, loop = channel.connect(), asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(6):
            await connection.deliver(channel.render(LETTER))
        assert loop.time() - begun >= 0.45, "four at once, then one every quarter of a second"
        channel.bucket.reserve(loop.time())
        for _ in range(100):
            channel.bucket.reserve(loop.time())
        waiting = asyncio.create_task(connection.deliver(channel.render(LETTER)))
        await asyncio.sleep(0)
        connection.abandon()
        assert await asyncio.wait_for(waiting, 2) == Delivery("stopped")
        await connection.close()
    assert len(gateway.taken) == 6


async def test_number_and_secret_are_in_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for shape in SHAPES:
            await sent(Gateway(shape, hangs_up))
    assert "13800138000" not in caplog.text
    assert "5ec-ret" not in caplog.text + repr(SmsChannel.opened(SmsSettings(**Gateway("aliyun").settings)))


def two(first: Gateway, second: Gateway, **settings: Any) -> SmsChannel:
    """A channel with both, the second tried while the first is left alone."""
    more = {
        name.replace("sms_", "sms_second_"): value
        for name, value in second.settings.items()
        if name in ("sms_gateway", "sms_url", "sms_account", "sms_secret", "sms_sender")
    }
    return SmsChannel.opened(SmsSettings(**{**first.settings, **more, **settings}))


async def test_while_a_gateway_is_away_the_other_one_takes_what_there_is(unused_tcp_port: int) -> None:
    """It is left alone then; a text without a provider's template goes to the one that needs none."""
    first, second = Gateway("aliyun"), Gateway("twilio")
    first.port = unused_tcp_port
    async with second.listening():
        channel = two(first, second)
        connection = channel.connect()
        try:
            for _ in range(3):
                assert await connection.deliver(channel.render(LETTER)) == Delivery("accepted")
            assert (len(second.taken), second.taken[0]["Body"]) == (3, LETTER.text)
            assert channel.lines[0].breaker.is_open(asyncio.get_running_loop().time())
            other = replace(LETTER, flow="no_template_of_the_provider")
            assert await connection.deliver(channel.render(other)) == Delivery("accepted")
        finally:
            await connection.close()


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (takes_and_hangs_up, "accepted"),  # looked up
        (hangs_up, "unknown"),
        (answers({"code": 21211}, "400 Bad Request"), "refused"),
        (answers({"code": 99999}, "400 Bad Request"), "later"),
    ],
)
async def test_what_is_in_doubt_or_about_the_message_is_never_tried_elsewhere(reply: Reply, outcome: str) -> None:
    """M1: two gateways never send one message."""
    first, second = Gateway("twilio", reply), Gateway("twilio")
    async with first.listening(), second.listening():
        channel = two(first, second)
        connection = channel.connect()
        try:
            assert (await connection.deliver(channel.render(LETTER))).outcome == outcome
        finally:
            await connection.close()
    assert second.asked == []


async def test_the_channel_pauses_where_both_refuse_us_and_the_first_is_tried_again() -> None:
    refuses = answers({"code": 20003}, "401 Unauthorized")
    first, second = Gateway("twilio", refuses), Gateway("twilio", refuses)
    async with first.listening(), second.listening():
        channel = two(first, second)
        connection = channel.connect()
        try:
            found = await connection.deliver(channel.render(LETTER))
            assert (found.outcome, found.trouble and found.trouble.scope) == ("withheld", "channel")
            assert (len(first.asked), len(second.asked)) == (1, 1)
            first.reply = takes
            assert await connection.deliver(channel.render(LETTER)) == Delivery("accepted")
            assert (len(first.asked), len(second.asked)) == (2, 1)
            assert not channel.lines[0].breaker.is_open(asyncio.get_running_loop().time())
        finally:
            await connection.close()


def test_a_breaker_opens_at_once_or_after_five_in_a_row_and_for_longer_each_time() -> None:
    throttled, away = (Trouble("channel", at_once, "answer", "x") for at_once in (False, True))
    breaker = Breaker()
    for n in range(5):
        assert not breaker.is_open(n)
        breaker.refused(throttled, n)
    assert breaker.is_open(13.9)
    assert not breaker.is_open(14)
    breaker.refused(away, 14)
    assert (breaker.is_open(33), breaker.is_open(34)) == (True, False)
    breaker.took()
    assert not breaker.is_open(14)
    breaker.refused(throttled, 40)
    assert not breaker.is_open(40)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sms_second_gateway": "twilio"}, "SMS_SECOND_ACCOUNT and SMS_SECOND_SECRET and SMS_SECOND_SENDER"),
        (
            {
                "sms_second_gateway": "twilio",
                "sms_second_account": "a",
                "sms_second_secret": "b",
                "sms_second_sender": "c",
            },
            "set that one first",
        ),
    ],
)
def test_a_second_gateway_is_whole_and_needs_a_first(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SmsSettings(**given)
