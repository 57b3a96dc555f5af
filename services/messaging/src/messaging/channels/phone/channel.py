"""The channel `phone`: a message becomes a task for the shop's people, with its text as the script (MSG-021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile
from common.values.addresses import phone_number
from messaging.channels.listed import ListConnection, Listed
from messaging.channels.protocol import Channel, Letter, ProfileField


class PhoneSettings(BaseSettings):
    """There is nothing to set up: people call."""


@dataclass(frozen=True)
class PhoneChannel(Channel):
    """Calls to the profile's field `phone`; only where a flow or campaign names the channel: people are dear."""

    name: ClassVar[ChannelName] = "phone"
    settings: ClassVar[type[BaseSettings]] = PhoneSettings
    by_people: ClassVar[bool] = True
    workers: int = 1

    @classmethod
    def opened(cls, settings: PhoneSettings) -> Self:
        """The channel."""
        return cls()

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """The telephone number."""
        return ProfileField("phone", contact.phone) if contact.phone else None

    @staticmethod
    def mailbox(text: str) -> str:
        """E.164, the one form of a number. Raises InvalidAddress."""
        return phone_number(text)

    def render(self, letter: Letter) -> Listed:
        """A task. Raises InvalidAddress for a number that nobody has."""
        phone_number(letter.to)
        return Listed(letter.message_id)

    def connect(self) -> ListConnection:
        """The way to the list of tasks."""
        return ListConnection()
