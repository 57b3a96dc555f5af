"""The channel `sms`: short texts to the customer's telephone, by the gateway that the environment names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile
from common.values.addresses import phone_number
from messaging.channels.protocol import CannotRender, Channel, Letter, ProfileField
from messaging.channels.sms import aliyun, twilio
from messaging.channels.sms.bucket import TokenBucket
from messaging.channels.sms.connection import SmsConnection
from messaging.channels.sms.message import Line, SmsMessage
from messaging.channels.sms.segments import segments_of
from messaging.channels.sms.settings import SmsSettings


@dataclass(frozen=True)
class SmsChannel(Channel):
    """Text messages to the profile's field `phone`. `lines`: the gateways; without any messages wait."""

    name: ClassVar[ChannelName] = "sms"
    settings: ClassVar[type[BaseSettings]] = SmsSettings
    short: ClassVar[bool] = True
    receipts: ClassVar[bool] = True
    config: SmsSettings
    lines: tuple[Line, ...]
    bucket: TokenBucket = field(repr=False)
    workers: int = 4

    @classmethod
    def opened(cls, settings: SmsSettings) -> Self:
        """The channel to the gateways that the environment names."""
        return cls(settings, _lines(settings), TokenBucket(settings.sms_per_second), settings.sms_connections)

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """The telephone number."""
        return ProfileField("phone", contact.phone) if contact.phone else None

    @staticmethod
    def mailbox(text: str) -> str:
        """E.164, the one form of a number. Raises InvalidAddress."""
        return phone_number(text)

    def render(self, letter: Letter) -> SmsMessage:
        """The short text, counted in parts; where a provider has the texts, the name of the one for this flow."""
        text, named = letter.text.strip(), self.config.sms_templates
        template = named.get(f"{letter.flow}/{letter.language}") or named.get(letter.flow)
        with_texts = [line.gateway for line in self.lines if line.gateway.needs_template]
        if template is None and self.lines and len(with_texts) == len(self.lines):
            raise CannotRender("no_provider_template")
        # Counted as the longest that may leave: a provider with texts of its own puts the sender before them.
        before = max((f"【{gateway.sender}】" for gateway in with_texts if template is not None), key=len, default="")
        segments = segments_of(f"{before}{text}")
        if segments.parts > self.config.sms_most_segments:
            raise CannotRender("text_too_long")
        reference = f"{letter.shop}/{letter.message_id}"
        return SmsMessage(
            phone_number(letter.to), text, segments, reference, template, letter.values, letter.receipt_url
        )

    def connect(self) -> SmsConnection:
        """A client; nothing is opened before the first message."""
        return SmsConnection(self.lines, self.bucket, self.config)


def _lines(settings: SmsSettings) -> tuple[Line, ...]:
    shapes = {"aliyun": (aliyun.Aliyun, aliyun.URL), "twilio": (twilio.Twilio, twilio.URL)}
    found = []
    for name, account in (("first", settings.first), ("second", settings.second)):
        if account is not None:
            kind, usual = shapes[account.shape]
            url = (account.url or usual).rstrip("/")
            gateway = kind(url, account.account, account.secret.get_secret_value(), account.sender)
            found.append(Line(name, gateway))
    return tuple(found)
