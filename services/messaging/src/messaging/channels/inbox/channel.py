"""The channel `inbox`: a message is listed for the customer, who reads it in the shop's app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile
from common.values.addresses import InvalidAddress
from messaging.channels.listed import ListConnection, Listed
from messaging.channels.protocol import Channel, Letter, ProfileField


class InboxSettings(BaseSettings):
    """There is nothing to set up: the shop's app asks for the list."""


@dataclass(frozen=True)
class InboxChannel(Channel):
    """Every customer has an inbox; consent is asked for it as for any channel."""

    name: ClassVar[ChannelName] = "inbox"
    settings: ClassVar[type[BaseSettings]] = InboxSettings
    in_house: ClassVar[bool] = True
    workers: int = 1

    @classmethod
    def opened(cls, settings: InboxSettings) -> Self:
        """The channel."""
        return cls()

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """No field of a profile is an inbox."""
        return None

    @staticmethod
    def mailbox(text: str) -> str:
        """Nothing is the address of an inbox. Raises InvalidAddress."""
        raise InvalidAddress("An inbox has no address: it is the customer's.")

    def render(self, letter: Letter) -> Listed:
        """A line of the list; the text is written when it is read."""
        return Listed(letter.message_id)

    def connect(self) -> ListConnection:
        """The way to the list."""
        return ListConnection()
