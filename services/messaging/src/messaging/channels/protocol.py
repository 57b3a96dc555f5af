"""What every channel offers, and what is known of a message after it was handed to a provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile

MayLeave = Callable[[], Awaitable[str | None]]
"""Asked at the last moment at which a message can be kept back: the reason why it must not leave, None where it may."""


class ProfileField(NamedTuple):
    """A field of a customer's profile, by its name, with its text: ciphertext where the profile is sealed."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be said to whom, before a channel gives it its form. `to` is the address as the profile has it.

    `unsubscribe_url` is None for a transactional message. `flow`, `language` and `values` are for a provider that has
    the texts itself; `shop` is for its receipts, and `receipt_url` is where one may say what became of the message.
    `reference`: the signed name of the message, for reports about it. `html`: the same text where a channel shows it.
    """

    message_id: str
    to: str
    subject: str
    text: str
    date: datetime
    sender_name: str
    sender_address: str
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    shop: str = ""
    flow: str = ""
    language: str = "en"
    values: Mapping[str, str] = field(default_factory=dict)
    receipt_url: str | None = None
    html: str | None = None
    reference: str | None = None


class CannotRender(Exception):
    """The channel does not take such a message; `reason` is one word for the record."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Trouble:
    """A provider refuses us, not a message. `scope` is what the refusal is about, and what is paused for it: the whole
    `channel` (one server takes all messages, whoever the sender is), the `shop` (its sender is refused), or the
    `address` (it has a server or robot of its own).

    `at_once`: one refusal is proof enough to pause. `away`: the provider cannot be reached, it may only be starting.
    `stage` says where in the exchange it happened, `reply` the provider's words without addresses, both for operators.
    """

    scope: Literal["channel", "shop", "address"]
    at_once: bool
    stage: str
    reason: str
    reply: str = ""
    away: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of one message afterwards; but for `accepted` and `unknown` it did not leave.

    `refused`: for good, with `address_bad` because there is no such address. `later`: for now, it is tried again.
    `withheld`: for a reason that is not its own, `trouble`. `unknown`: it may have left. `forbidden`: `may_leave` gave
    the reason. `stopped`: the process ends. `reason` and `stage` are the channel's own words.
    """

    outcome: Literal["accepted", "refused", "later", "withheld", "unknown", "forbidden", "stopped"]
    reason: str | None = None
    stage: str | None = None
    address_bad: bool = False
    trouble: Trouble | None = None


async def always() -> str | None:
    """Nothing keeps the message back."""
    return None


class Connection(Protocol):
    """One worker's way to the provider; not for two tasks at once."""

    async def deliver(self, message: Any, may_leave: MayLeave = always) -> Delivery:
        """Hand over what the channel rendered. Never raises for what a provider or a network does."""

    def abandon(self) -> None:
        """The process ends: start nothing any more; a provider that has the message is waited for, 10 s at the most."""

    async def close(self) -> None:
        """Let go of the provider."""


class Channel(Protocol):
    """A way to reach customers, in a folder of its own; `channels.registry` lists them."""

    name: ClassVar[ChannelName]
    settings: ClassVar[type[BaseSettings]]
    """Read from the environment by main alone, which passes them to `opened`."""
    short: ClassVar[bool] = False
    """Its texts are the short ones, without a subject."""
    by_people: ClassVar[bool] = False
    """People do it: it is used where a flow or a campaign names it, and is in no policy."""
    in_house: ClassVar[bool] = False
    """It needs no address: the shop's own app shows it to whoever is a customer."""
    receipts: ClassVar[bool] = False
    """Its gateway says at an address of each message's own what became of it (`Letter.receipt_url`)."""
    workers: int
    """Messages that are handed over at a time."""

    @classmethod
    def opened(cls, settings: Any) -> Self:
        """The channel with these settings."""

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """The field of a profile that is the address on this channel; None where the profile has none."""

    @staticmethod
    def mailbox(text: str) -> str:
        """The one form of an address by which two writings of it are found to be the same. Raises InvalidAddress."""

    def render(self, letter: Letter) -> Any:
        """The message in the channel's form. Raises InvalidAddress, and CannotRender for what it cannot take."""

    def connect(self) -> Connection:
        """A way to the provider; nothing is opened before it is needed."""
