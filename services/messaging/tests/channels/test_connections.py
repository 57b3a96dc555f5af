"""How many messages are handed over at a time is the operator's to say, by channel."""

from __future__ import annotations

import pytest

from common.process.settings import InvalidSettings, load_settings
from messaging.channels.chat.channel import ChatChannel
from messaging.channels.protocol import Channel
from messaging.channels.sms.channel import SmsChannel
from messaging.channels.smtp.channel import SmtpChannel

BY_NAME: list[tuple[str, type[Channel], int]] = [
    ("SMTP_CONNECTIONS", SmtpChannel, 6),
    ("SMS_CONNECTIONS", SmsChannel, 4),
    ("CHAT_CONNECTIONS", ChatChannel, 2),
]


@pytest.mark.parametrize(("name", "channel", "usual"), BY_NAME)
def test_as_many_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, name: str, channel: type[Channel], usual: int
) -> None:
    assert channel.opened(load_settings(channel.settings)).workers == usual
    monkeypatch.setenv(name, "100")
    assert channel.opened(load_settings(channel.settings)).workers == 100


@pytest.mark.parametrize("value", ["0", "101", "six"])
@pytest.mark.parametrize(("name", "channel", "usual"), BY_NAME)
def test_none_and_too_many_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, channel: type[Channel], usual: int, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=name):
        load_settings(channel.settings)
