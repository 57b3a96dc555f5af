"""Contact data of a customer, and the address on each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.events import CustomerKey
from common.events.customers import Channel

Address = tuple[str, bytes]
"""(shop, keyed hash); the hash holds its channel."""


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """An address as the newest profile has it. `sealed`: ciphertext, opened only to send; `field`: of the profile.

    `hash` is None where nothing can be sent to it, or its key has not come yet.
    """

    field: str
    sealed: str
    hash: bytes | None = None
    bounced: bool = False


IN_HOUSE: frozenset[Channel] = frozenset({"inbox"})
"""Channels on which a customer with contact data is reached without an address (`Channel.in_house`)."""
NO_ADDRESS = ContactAddress("", "")
"""What stands for the address there."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact data at its newest revision; `name` is ciphertext."""

    key: CustomerKey
    revision: int
    at: datetime
    name: str | None = None
    language: str | None = None
    zone: str | None = None
    addresses: Mapping[Channel, ContactAddress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HadAddress:
    """An address that a customer had from a revision of the profile on.

    `state`: `sealed` until its key comes; then `valid`, with its `hash`, or `invalid`: nothing can be sent to it.
    """

    key: CustomerKey
    channel: Channel
    revision: int
    at: datetime
    field: str
    sealed: str
    state: str = "sealed"
    hash: bytes | None = None
