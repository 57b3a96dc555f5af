"""Where chat messages may go, and what they hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.values.addresses import InvalidAddress
from messaging.channels.chat.channel import ChatChannel
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.protocol import CannotRender, Letter

WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=5ec-ret"


def letter(to: str = WECOM, text: str = "Dear you,\n\nbye\n") -> Letter:
    return Letter("m-1", to, "Hello", text, datetime(2025, 3, 4, 2, tzinfo=UTC), "Shop", "shop@example.test")


def test_the_subject_is_the_first_line() -> None:
    made = ChatChannel.opened(ChatSettings()).render(
        letter("HTTPS://QYAPI.weixin.qq.com:443/cgi-bin/webhook/send?key=5ec-ret")
    )
    assert (made.url, made.content) == (WECOM, "Hello\n\nDear you,\n\nbye")


@pytest.mark.parametrize(
    "to",
    ["https://elsewhere.example/send?key=1", "https://10.0.0.1/x", "https://169.254.169.254/latest", "https://localhost/x",
     "http://127.0.0.1:8080/x", "http://qyapi.weixin.qq.com/x", "nobody", ""],
)  # fmt: skip
def test_a_profile_cannot_make_the_service_post_elsewhere(to: str) -> None:
    with pytest.raises(InvalidAddress):
        ChatChannel.opened(ChatSettings()).render(letter(to))


def test_other_hosts_and_private_ones_are_named_by_the_settings() -> None:
    own = ChatChannel.opened(ChatSettings(chat_hosts="qyapi.weixin.qq.com, robots.example", chat_private_hosts=True))
    for to in (WECOM, "https://robots.example/x", "http://127.0.0.1:8080/x", "https://10.0.0.1/x"):
        assert own.render(letter(to)).url == to
    with pytest.raises(InvalidAddress):
        own.render(letter("https://elsewhere.example/x"))


def test_a_text_that_is_too_long_is_not_sent_in_part() -> None:
    """2,048 bytes of UTF-8, subject and all; a Chinese character takes three."""
    channel = ChatChannel.opened(ChatSettings())
    assert channel.render(letter(text="茶" * 680))
    with pytest.raises(CannotRender, match="text_too_long"):
        channel.render(letter(text="茶" * 681))
