"""Signed unsubscribe links, which name the customer and the channel (RFC 8058)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from itsdangerous import BadData

from common.crypto.sealing import derived_key
from common.events.customers import Channel
from messaging.tokens.signed import SignedTokens


class InvalidToken(Exception):
    """Not signed by us."""


@dataclass(frozen=True, slots=True)
class Recipient:
    shop: str
    customer: str
    channel: Channel


class UnsubscribeLinks:
    """Makes and reads the links. They never expire: an old message's link must work as well."""

    def __init__(self, master: bytes, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._serializer = SignedTokens(derived_key(master, "unsubscribe"), "unsubscribe")

    def url(self, recipient: Recipient) -> str:
        token = self._serializer.dumps([recipient.shop, recipient.customer, recipient.channel])
        return f"{self._public_url}/unsubscribe/{token}"

    def read(self, token: str) -> Recipient:
        """Whom a token names. Raises InvalidToken."""
        try:
            shop, customer, channel = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            raise InvalidToken from None
        if channel not in get_args(Channel):
            raise InvalidToken
        return Recipient(str(shop), str(customer), channel)
