"""The channel `chat`: texts to the group in which a customer is served, by the webhook of the group's robot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile
from common.values.addresses import webhook_url
from messaging.channels.chat.connection import ChatConnection
from messaging.channels.chat.message import ChatMessage
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.protocol import Said
from messaging.channels.chat.shapes.registry import shape_of
from messaging.channels.protocol import CannotRender, Channel, Letter, ProfileField


@dataclass(frozen=True)
class ChatChannel(Channel):
    """Texts to the webhook of the profile's field `chat`. The URL is the address and a secret."""

    name: ClassVar[ChannelName] = "chat"
    settings: ClassVar[type[BaseSettings]] = ChatSettings
    config: ChatSettings
    workers: int = 2

    @classmethod
    def opened(cls, settings: ChatSettings) -> Self:
        """The channel to the robots that the environment allows."""
        return cls(settings, settings.chat_connections)

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """The webhook of the customer's group robot."""
        return ProfileField("chat", contact.chat) if contact.chat else None

    @staticmethod
    def mailbox(text: str) -> str:
        """One form for all writings of a webhook. Raises InvalidAddress."""
        return webhook_url(text)

    def render(self, letter: Letter) -> ChatMessage:
        """The text with its subject as first line. Raises InvalidAddress where no robot may be, and CannotRender."""
        url = webhook_url(letter.to)
        shape = shape_of(url, self.config)
        content = f"{letter.subject}\n\n{letter.text}".strip()
        if len(content.encode()) > shape.longest:
            raise CannotRender("text_too_long")  # nobody gets half a message
        return ChatMessage(Said(url, content, letter.message_id, letter.shop, letter.date), shape)

    def connect(self) -> ChatConnection:
        """A client; nothing is opened before the first message."""
        return ChatConnection(self.config)
