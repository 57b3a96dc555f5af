"""Keyed hashes of addresses: two customers with one address are found to have it, and nothing is read from the hash."""

from __future__ import annotations

import hmac
from dataclasses import replace

import orjson

from common.crypto.keys import CustomerKeyRow, KeyRing
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.events.customers import Channel
from common.values.addresses import InvalidAddress
from messaging.channels.registry import CHANNELS
from messaging.contacts.state import HadAddress

PURPOSE = "messaging-addresses"
"""The label of the hash's key, derived from the master key."""


def address_hash(key: bytes, shop: str, channel: str, mailbox: str) -> bytes:
    """The first 16 bytes of HMAC-SHA-256 over shop, channel and the address's one form.

    The shop is part of it, so that one shop's opt-out says nothing to another, and no two shops' rows can be matched.
    """
    return hmac.digest(key, orjson.dumps([shop, channel, mailbox]), "sha256")[:16]


class Hashing:
    """Opens addresses with the customers' keys, and hashes them."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._key = keys.derived(PURPOSE)

    def hashed(self, had: HadAddress, stored: CustomerKeyRow | None) -> HadAddress:
        """The address with its hash where it opens; as it was, where its key has not come."""
        text = had.sealed
        if is_sealed(text):
            if stored is None:
                return had
            try:
                key = self._keys.unwrapped(had.key, stored)
                text = open_sealed(text, key.key, *had.key, had.field) if key is not None else ""
            except SealBroken:
                return had  # another key may come; until then nothing can be sent there either
        try:
            mailbox = CHANNELS[had.channel].mailbox(text)
        except InvalidAddress:
            return replace(had, state="invalid")
        return replace(had, state="valid", hash=address_hash(self._key, had.key[0], had.channel, mailbox))

    def sought(self, shop: str, channel: Channel, text: str) -> bytes:
        """The hash that an address of the shop would have. Raises InvalidAddress."""
        return address_hash(self._key, shop, channel, CHANNELS[channel].mailbox(text))
