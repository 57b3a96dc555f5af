"""What a text message holds, and what the settings must name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from common.values.addresses import InvalidAddress
from messaging.channels.protocol import CannotRender, Letter
from messaging.channels.sms.channel import SmsChannel
from messaging.channels.sms.settings import SmsSettings

from .gateways import Gateway


def letter(**changes: Any) -> Letter:
    given: dict[str, Any] = {"to": "+1 202-555-0123", "text": "Hello\n", "flow": "tier", **changes}
    return Letter(
        "m-1", given.pop("to"), "", given.pop("text"), datetime(2025, 3, 4, tzinfo=UTC), "S", "s@shop.test", **given
    )


def opened(shape: Any, **changes: Any) -> SmsChannel:
    return SmsChannel.opened(SmsSettings(**{**Gateway(shape).settings, **changes}))


def test_the_number_goes_as_e164() -> None:
    assert opened("twilio").render(letter()).to == "+12025550123"
    assert SmsChannel.mailbox("+86 138-0013-8000") == "+8613800138000"


@pytest.mark.parametrize("to", ["13800138000", "nobody", "", "+999"])
def test_a_number_that_nobody_has_is_no_address(to: str) -> None:
    with pytest.raises(InvalidAddress):
        opened("twilio").render(letter(to=to))


def test_a_text_of_too_many_parts_is_not_sent_in_part() -> None:
    channel = opened("twilio", sms_most_segments=2)
    assert channel.render(letter(text="茶" * 134)).segments.parts == 2
    with pytest.raises(CannotRender, match="text_too_long"):
        channel.render(letter(text="茶" * 135))


def test_a_provider_that_has_the_texts_needs_one_for_the_flow() -> None:
    channel = opened("aliyun", sms_templates={"tier": "SMS_1", "tier/en": "SMS_2"})
    assert channel.render(letter()).template == "SMS_2"
    assert channel.render(letter(language="zh")).template == "SMS_1"
    text = "茶" * 67
    assert channel.render(letter(text=text)).segments.parts == 2, "counted with the signature that is put before it"
    with pytest.raises(CannotRender, match="no_provider_template"):
        channel.render(letter(flow="lapse"))


async def test_without_a_gateway_the_channel_pauses_and_says_so() -> None:
    channel = SmsChannel.opened(SmsSettings())
    found = await channel.connect().deliver(channel.render(letter()))
    assert (found.outcome, found.reason) == ("withheld", "sms_not_set_up")
    assert found.trouble is not None
    assert found.trouble.scope == "channel"


def test_half_a_setting_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="SMS_GATEWAY=twilio also needs SMS_SECRET and SMS_SENDER"):
        SmsSettings(sms_gateway="twilio", sms_account="AC1")
