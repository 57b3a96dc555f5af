"""Posting one message to robots that answer as documented, and to others: what is known of it afterwards."""

from __future__ import annotations

import asyncio
import io
import logging
from typing import Any

import pytest

from common.process import logs
from messaging.channels.chat.connection import ChatConnection
from messaging.channels.chat.message import ChatMessage
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.protocol import Said
from messaging.channels.chat.shapes.wecom import WeCom
from messaging.channels.protocol import Delivery, MayLeave, always

from .robots import Robot, answer, errcode, flood, hang_up, say_nothing, trickle

QUICK = ChatSettings(chat_connect_s=2, chat_answer_s=1.5)
PATIENT = ChatSettings(chat_connect_s=20, chat_answer_s=20)


async def posted(
    robot: Robot, settings: ChatSettings = PATIENT, may_leave: MayLeave = always, content: str = "Hello"
) -> Delivery:
    connection = ChatConnection(settings)
    async with robot.listening():
        try:
            return await connection.deliver(ChatMessage(Said(robot.url, content), WeCom), may_leave)
        finally:
            await connection.close()


async def test_a_text_is_posted_as_documented_and_accepted() -> None:
    robot = Robot()
    assert await posted(robot, content="订单已发货") == Delivery("accepted")
    assert robot.taken == [{"msgtype": "text", "text": {"content": "订单已发货"}}]
    assert robot.heads[0].startswith("POST /cgi-bin/webhook/send?key=5ec-ret HTTP/1.1\r\n")
    assert "content-type: application/json" in robot.heads[0].lower()


@pytest.mark.parametrize(
    ("code", "outcome", "address_bad"),
    [
        (93000, "refused", True),  # invalid webhook url
        (45009, "later", False),  # more than 20 messages a minute
        (-1, "later", False),  # busy
        (45002, "refused", False),  # content too long
        (44004, "refused", False),  # content empty
        (99999, "later", False),  # one that nobody documents
    ],
)
async def test_the_error_code_says_what_became_of_it(code: int, outcome: str, address_bad: bool) -> None:
    found = await posted(Robot(errcode(code)))
    assert (found.outcome, found.reason, found.address_bad) == (outcome, f"chat_{code}", address_bad)
    assert found.trouble is None, "it is about this robot or this message, not about us"


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (answer(b"oops", "500 Internal Server Error"), "unknown", "http_500"),
        (answer(b"", "502 Bad Gateway"), "unknown", "http_502"),
        (answer(b"", "429 Too Many Requests"), "withheld", "http_429"),
        (answer(b"", "503 Service Unavailable"), "withheld", "http_503"),
        (answer(b"", "404 Not Found"), "later", "http_404"),
        (answer(b"<html>welcome</html>"), "unknown", "answer_not_understood"),
        (answer(b'{"errcode":"0"}'), "unknown", "answer_not_understood"),
        (answer(b'{"errcode":false}'), "unknown", "answer_not_understood"),
        (answer(b"[0]"), "unknown", "answer_not_understood"),
        (answer(b'{"errmsg":"ok"}'), "unknown", "answer_not_understood"),
        (hang_up, "unknown", "no_answer"),
        (say_nothing, "unknown", "no_answer"),
        (trickle, "unknown", "no_answer"),
        (flood, "unknown", "answer_not_understood"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_a_robot_does_otherwise_is_never_taken_for_a_yes(reply: Any, outcome: str, reason: str) -> None:
    """Whatever may have been posted is in doubt; only a plain refusal is one."""
    robot = Robot(reply)
    found = await posted(robot, QUICK if reply in (say_nothing, trickle) else PATIENT)
    assert (found.outcome, found.reason) == (outcome, reason)
    assert len(robot.taken) == 1, "nothing is posted twice"
    if outcome == "withheld":
        assert found.trouble is not None
        assert (found.trouble.scope, found.trouble.at_once) == ("address", True)


async def test_a_redirect_is_not_followed() -> None:
    elsewhere = Robot()
    async with elsewhere.listening():
        robot = Robot(answer(b"", "307 Temporary Redirect", headers=f"Location: {elsewhere.url}\r\n"))
        found = await posted(robot)
    assert (found.outcome, found.reason) == ("later", "http_307")
    assert elsewhere.taken == []


async def test_a_robot_that_cannot_be_reached_was_given_nothing(unused_tcp_port: int) -> None:
    connection = ChatConnection(PATIENT)
    found = await connection.deliver(ChatMessage(Said(f"http://127.0.0.1:{unused_tcp_port}/", "Hello"), WeCom))
    await connection.close()
    assert (found.outcome, found.stage, found.reason) == ("withheld", "connect", "connection_refused")
    assert found.trouble is not None
    assert found.trouble.away


async def test_a_message_that_must_not_leave_is_kept_back_when_the_connection_stands() -> None:
    robot = Robot()

    async def recalled() -> str | None:
        return "recalled"

    assert await posted(robot, may_leave=recalled) == Delivery("forbidden", "recalled", "request")
    assert robot.taken == []


async def test_at_the_end_of_the_process_nothing_is_started_and_what_was_given_is_waited_for() -> None:
    robot, connection = Robot(say_nothing), ChatConnection(PATIENT)
    async with robot.listening():
        under_way = asyncio.create_task(connection.deliver(ChatMessage(Said(robot.url, "Hello"), WeCom)))
        await robot.asked.wait()
        connection.abandon()
        assert not under_way.done()
        under_way.cancel()
        assert await connection.deliver(ChatMessage(Said(robot.url, "Hello"), WeCom)) == Delivery("stopped")
        await connection.close()
    assert len(robot.taken) == 1


async def test_a_message_that_the_end_of_the_process_meets_just_before_it_leaves_stays() -> None:
    """Given away at that moment it would not be waited for, and be in doubt although the robot took it."""
    robot, connection = Robot(), ChatConnection(PATIENT)

    async def ends() -> str | None:
        connection.abandon()
        return None

    async with robot.listening():
        assert await connection.deliver(ChatMessage(Said(robot.url, "Hello"), WeCom), ends) == Delivery("stopped")
        await connection.close()
    assert robot.taken == []


async def test_the_webhook_is_in_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    stream = io.StringIO()
    with caplog.at_level(logging.DEBUG):
        for reply in (answer(), errcode(93000), hang_up):
            await posted(Robot(reply))
    assert "5ec-ret" not in caplog.text
    assert "5ec-ret" not in repr(ChatMessage(Said("https://robots.example/send?key=5ec-ret", "Hello"), WeCom))
    before = logging.getLogger().handlers[:]
    try:
        logs.configure("messaging", "DEBUG", stream)
        await posted(Robot())
    finally:
        logging.getLogger().handlers[:] = before
    assert "5ec-ret" not in stream.getvalue()
