"""Tokens of inboxes: whose, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messaging.channels.inbox.channel import InboxChannel
from messaging.channels.registry import CHANNELS
from messaging.contacts.state import IN_HOUSE
from messaging.inbox.tokens import InboxTokens

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
TOKENS = InboxTokens(b"m" * 32)


def test_a_token_shows_one_customers_inbox_until_its_hour() -> None:
    """MSG-018."""
    token = TOKENS.token(("s", "ann"), NOW + timedelta(hours=1))
    assert TOKENS.read(token, NOW) == ("s", "ann")
    assert TOKENS.read(token, NOW + timedelta(minutes=59)) == ("s", "ann")
    assert TOKENS.read(token, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize("wrong", ["", "x", "WyJzIiwiYW5uIiw5OTk5OTk5OTk5XQ.abc", "é"])
def test_what_is_not_ours_shows_nothing(wrong: str) -> None:
    assert TOKENS.read(wrong, NOW) is None
    assert InboxTokens(b"n" * 32).read(TOKENS.token(("s", "ann"), NOW + timedelta(hours=1)), NOW) is None


def test_the_channels_that_need_no_address_are_those_that_say_so() -> None:
    assert {name for name, channel in CHANNELS.items() if channel.in_house} == IN_HOUSE == {InboxChannel.name}
