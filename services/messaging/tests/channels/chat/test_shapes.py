"""Robots of DingTalk and the shop's own bridge: what they are sent, and what their answers mean (MSG-016)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from messaging.channels.chat.channel import ChatChannel
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.dingtalk import DingTalk
from messaging.channels.chat.shapes.generic import Generic
from messaging.channels.chat.shapes.registry import shape_of
from messaging.channels.chat.shapes.wecom import WeCom
from messaging.channels.protocol import CannotRender, Delivery, Letter

from .robots import Robot, answer, errcode

DING = "https://oapi.dingtalk.com/robot/send?access_token=t0"
SECRET = "whsec_" + base64.b64encode(b"bridge-secret-bridge-secret!").decode()
HERE = ChatSettings(chat_private_hosts=True, chat_bridge_secret=SecretStr(SECRET), chat_bridge_hosts="bridge.example")
AT = datetime(2025, 3, 4, 2, tzinfo=UTC)


def letter(to: str, text: str = "bye") -> Letter:
    return Letter("m-1", to, "Hello", text, AT, "Shop", "shop@example.test", shop="s")


async def told(robot: Robot, path: str) -> Delivery:
    channel = ChatChannel.opened(HERE)
    connection = channel.connect()
    async with robot.listening():
        try:
            return await connection.deliver(channel.render(letter(f"http://127.0.0.1:{robot.port}{path}")))
        finally:
            await connection.close()


def test_the_host_says_which_form_a_webhook_takes() -> None:
    assert shape_of(DING, HERE) is DingTalk
    assert shape_of("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k", HERE) is WeCom
    assert shape_of("https://bridge.example/shops/s/ann", HERE) is Generic


async def test_a_text_to_dingtalk_is_signed_by_the_secret_which_stays_here() -> None:
    robot = Robot()
    assert await told(robot, "/robot/send?access_token=t0&secret=SEC1") == Delivery("accepted")
    assert robot.taken == [{"msgtype": "text", "text": {"content": "Hello\n\nbye"}}]
    line = robot.heads[0].splitlines()[0]
    asked = parse_qs(urlsplit(line.split()[1]).query)
    stamp = str(round(AT.timestamp() * 1000))
    signed = base64.b64encode(hmac.new(b"SEC1", f"{stamp}\nSEC1".encode(), hashlib.sha256).digest()).decode()
    assert asked == {"access_token": ["t0"], "timestamp": [stamp], "sign": [signed]}
    assert "SEC1" not in robot.heads[0]


async def test_without_a_secret_the_webhook_is_asked_as_it_is() -> None:
    robot = Robot()
    await told(robot, "/robot/send?access_token=t0")
    assert robot.heads[0].startswith("POST /robot/send?access_token=t0 HTTP/1.1")


@pytest.mark.parametrize(
    ("code", "outcome", "address_bad"),
    [(400101, "refused", True), (400013, "refused", True), (430102, "refused", False), (310000, "later", False),
     (130101, "later", False), (410100, "later", False), (-1, "later", False), (999, "later", False)],
)  # fmt: skip
async def test_dingtalks_code_says_what_became_of_it(code: int, outcome: str, address_bad: bool) -> None:
    found = await told(Robot(errcode(code)), "/robot/send?access_token=t0")
    assert (found.outcome, found.reason, found.address_bad) == (outcome, f"chat_{code}", address_bad)


async def test_the_bridge_gets_a_webhook_that_it_can_check() -> None:
    robot = Robot(answer(b"", "204 No Content"))
    assert await told(robot, "/wangwang/ann") == Delivery("accepted")
    assert robot.taken == [{"message_id": "m-1", "shop": "s", "text": "Hello\n\nbye"}]
    heads = dict(line.lower().split(": ", 1) for line in robot.heads[0].splitlines()[1:] if ": " in line)
    body = b'{"message_id":"m-1","shop":"s","text":"Hello\\n\\nbye"}'
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    second = str(int(AT.timestamp()))
    expected = hmac.new(key, b".".join((b"m-1", second.encode(), body)), hashlib.sha256).digest()
    assert (heads["webhook-id"], heads["webhook-timestamp"]) == ("m-1", second)
    assert heads["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}".lower()


@pytest.mark.parametrize(
    ("status", "outcome", "address_bad"),
    [("200 OK", "accepted", False), ("410 Gone", "refused", True), ("422 No", "refused", False),
     ("429 Slow", "withheld", False), ("503 No", "withheld", False), ("500 Oops", "unknown", False),
     ("302 There", "later", False), ("404 None", "later", False)],
)  # fmt: skip
async def test_the_bridges_status_says_what_became_of_it(status: str, outcome: str, address_bad: bool) -> None:
    found = await told(Robot(answer(b"{}", status)), "/wangwang/ann")
    assert (found.outcome, found.address_bad) == (outcome, address_bad)


def test_a_text_that_is_too_long_is_not_sent_in_part() -> None:
    with pytest.raises(CannotRender, match="text_too_long"):
        ChatChannel.opened(HERE).render(letter(DING, "x" * 20_000))


@pytest.mark.parametrize("secret", ["whsec_no base64", "plain text!"])
def test_a_secret_that_cannot_be_read_stops_the_start(secret: str) -> None:
    with pytest.raises(ValidationError, match="whsec_ and base64"):
        ChatSettings(chat_bridge_secret=SecretStr(secret))
