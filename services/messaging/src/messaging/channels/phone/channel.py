"""The channel `phone`: a message becomes a task for the shop's people, with its text as the script (MSG-021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile
from common.values.addresses import phone_number
from messaging.channels.protocol import Channel, Connection, Delivery, Letter, MayLeave, ProfileField, always


class PhoneSettings(BaseSettings):
    """There is nothing to set up: people call."""


class CallTask(NamedTuple):
    """A message that is handed to people: what they are to say is written when they ask for it."""

    message_id: str


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

    def render(self, letter: Letter) -> CallTask:
        """A task. Raises InvalidAddress for a number that nobody has."""
        phone_number(letter.to)
        return CallTask(letter.message_id)

    def connect(self) -> PhoneConnection:
        """The way to the list of tasks."""
        return PhoneConnection()


class PhoneConnection(Connection):
    """The list of tasks is the messages of this channel that were handed over: nothing leaves the house."""

    def __init__(self) -> None:
        self._abandoned = False

    def abandon(self) -> None:
        """Start nothing any more."""
        self._abandoned = True

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def deliver(self, message: CallTask, may_leave: MayLeave = always) -> Delivery:
        """It is on the list once its end is recorded."""
        if self._abandoned:
            return Delivery("stopped")
        reason = await may_leave()
        return Delivery("accepted") if reason is None else Delivery("forbidden", reason, "list")
