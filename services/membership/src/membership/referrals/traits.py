"""Traits of customers, such as their device, as hashes: equal ones show, and nothing else can be read from them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

PURPOSE = "referral-traits"
"""The label of the hashing key, derived from the master key."""


def hashes(key: bytes, shop: str, traits: Mapping[str, str]) -> dict[str, str]:
    """By trait, 16 bytes of HMAC-SHA256 in hex; of one shop alone, so that shops cannot be compared."""
    return {
        trait: hmac.digest(key, f"{shop}|{trait}|{value.strip().casefold()}".encode(), "sha256")[:16].hex()
        for trait, value in traits.items()
    }
