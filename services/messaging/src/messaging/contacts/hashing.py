"""Keyed hashes of addresses: two customers with one mailbox are found to have it, and nothing is read from the hash."""

from __future__ import annotations

import hmac

import orjson

from common.values.addresses import InvalidAddress, mailbox

PURPOSE = "messaging-addresses"
"""The label of the hash's key, derived from the master key."""
CHANNEL = "email"
"""The one channel whose addresses are kept here; SMS, chat and phone have none yet."""


def address_hash(key: bytes, shop: str, text: str) -> bytes | None:
    """The first 16 bytes of HMAC-SHA-256 over shop, channel and mailbox; None for an address that takes no mail.

    The shop is part of it, so that one shop's opt-out says nothing to another, and no two shops' rows can be matched.
    """
    try:
        said = orjson.dumps([shop, CHANNEL, mailbox(text)])
    except InvalidAddress:
        return None
    return hmac.digest(key, said, "sha256")[:16]
