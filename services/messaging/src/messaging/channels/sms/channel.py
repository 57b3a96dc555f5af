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
from messaging.channels.sms.message import Gateway, SmsMessage
from messaging.channels.sms.segments import segments_of
from messaging.channels.sms.settings import SmsSettings


@dataclass(frozen=True)
class SmsChannel(Channel):
    """Text messages to the profile's field `phone`. `gateway` is None where none is set up: messages wait."""

    name: ClassVar[ChannelName] = "sms"
    settings: ClassVar[type[BaseSettings]] = SmsSettings
    short: ClassVar[bool] = True
    config: SmsSettings
    gateway: Gateway | None
    bucket: TokenBucket = field(repr=False)
    workers: int = 4

    @classmethod
    def opened(cls, settings: SmsSettings) -> Self:
        """The channel to the gateway that the environment names."""
        return cls(settings, _gateway(settings), TokenBucket(settings.sms_per_second))

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """The telephone number."""
        return ProfileField("phone", contact.phone) if contact.phone else None

    @staticmethod
    def mailbox(text: str) -> str:
        """E.164, the one form of a number. Raises InvalidAddress."""
        return phone_number(text)

    def render(self, letter: Letter) -> SmsMessage:
        """The short text, counted in parts; where the provider has the texts, the name of the one for this flow."""
        text, template = letter.text.strip(), None
        if self.gateway is not None and self.gateway.needs_template:
            named = self.config.sms_templates
            template = named.get(f"{letter.flow}/{letter.language}") or named.get(letter.flow)
            if template is None:
                raise CannotRender("no_provider_template")
            text = f"【{self.config.sms_sender}】{text}"
        segments = segments_of(text)
        if segments.parts > self.config.sms_most_segments:
            raise CannotRender("text_too_long")
        reference = f"{letter.shop}/{letter.message_id}"
        return SmsMessage(
            phone_number(letter.to), text, segments, reference, template, letter.values, letter.receipt_url
        )

    def connect(self) -> SmsConnection:
        """A client; nothing is opened before the first message."""
        return SmsConnection(self.gateway, self.bucket, self.config)


def _gateway(settings: SmsSettings) -> Gateway | None:
    if settings.sms_gateway is None:
        return None
    kind, usual = {"aliyun": (aliyun.Aliyun, aliyun.URL), "twilio": (twilio.Twilio, twilio.URL)}[settings.sms_gateway]
    url = (settings.sms_url or usual).rstrip("/")
    return kind(url, settings.sms_account, settings.sms_secret.get_secret_value(), settings.sms_sender)
