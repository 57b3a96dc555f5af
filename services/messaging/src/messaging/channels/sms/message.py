"""A text message on its way to a gateway, and a gateway's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery
from messaging.channels.sms.breaker import Breaker
from messaging.channels.sms.segments import Segments


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """`to` is the number as E.164. `reference` is our name of the message, `template` the provider's name of its text
    and `values` what is filled in there. `receipt_url`: where the gateway is to say what became of it."""

    to: str = field(repr=False)
    text: str
    segments: Segments
    reference: str
    template: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    receipt_url: str | None = None


class Gateway(Protocol):
    """What one kind of gateway is asked, and what its answers mean. Pure: `now` and `nonce` are given."""

    sender: str
    """The signature, number or service that it sends as."""
    needs_template: ClassVar[bool]
    """Texts are the provider's, approved beforehand; ours are only counted."""

    def send(self, message: SmsMessage, now: datetime, nonce: str) -> Asked:
        """The request that sends it."""

    def delivery(self, status: int, body: bytes) -> Delivery:
        """What is known of a message whose request was answered like this."""

    def look_up(self, message: SmsMessage, since: datetime, now: datetime, nonce: str) -> Asked:
        """The request that asks what was taken since then for this number."""

    def has_it(self, message: SmsMessage, since: datetime, status: int, body: bytes) -> bool:
        """Whether the answer to `look_up` names the message; False says nothing, it may come yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """A gateway that is set up, `first` or `second`, with its breaker."""

    name: str
    gateway: Gateway
    breaker: Breaker = field(default_factory=Breaker)
