"""Caps that a shop sets, and the messages that hold places under them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.events import CustomerKey
from common.events.customers import Channel
from common.events.messages import MessagePurpose

Cap = Annotated[int, Field(ge=0, le=1000, strict=True)]
Days = Annotated[int, Field(ge=1, le=365, strict=True)]


class Caps(BaseModel):
    """Most messages a customer gets in a calendar month of the shop's zone (MSG-007, C-8)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    marketing_by_channel: dict[Channel, Cap] = {"email": 3, "sms": 3, "chat": 3}
    all_channels: Cap = 6
    survey_every_days: Days = 30

    def for_channel(self, channel: Channel) -> int:
        """A channel without a cap of its own is bounded by `all_channels`."""
        return self.marketing_by_channel.get(channel, self.all_channels)


@dataclass(frozen=True, slots=True)
class Contacted:
    """A message that holds a place: when it was decided, for what, by which channel.

    `template`, `kind`: its text, and what that is about. `said`: flow and cause, the same on every channel.
    `reacted_at`: when the customer opened it, or followed a link of it; where that was asked for.
    """

    at: datetime
    purpose: MessagePurpose
    channel: Channel
    template: str = ""
    kind: str = ""
    said: str = ""
    reacted_at: datetime | None = None


class Places:
    """The messages that hold a place under the caps: of a customer, and at an address, of all who have it."""

    def __init__(self) -> None:
        self._of: defaultdict[CustomerKey, list[Contacted]] = defaultdict(list)
        self._at: defaultdict[tuple[str, bytes], list[tuple[str, int, Contacted]]] = defaultdict(list)
        self._taken = 0

    def take(self, key: CustomerKey, address: bytes | None, contacted: Contacted) -> None:
        """One more message to the customer, at this address."""
        shop, customer = key
        self._taken += 1
        self._of[key].append(contacted)
        if address is not None:
            self._at[(shop, address)].append((customer, self._taken, contacted))

    def so_far(self, key: CustomerKey, addresses: Collection[bytes]) -> list[Contacted]:
        """What counts for one more message to the customer, who has these addresses; each message once."""
        shop, customer = key
        there = {
            number: contacted
            for address in addresses
            for other, number, contacted in self._at[(shop, address)]
            if other != customer
        }
        return [*self._of[key], *there.values()]
