"""Signed tokens of badges: what a badge shows, for some hours, without naming the customer (MEM-024)."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

PURPOSE = "badges"
"""The label of the signing key, derived from the master key."""
LASTS = timedelta(hours=24)
_MAC = 16


class Badge(NamedTuple):
    """`price`: the member's share of the price in basis points; `free_shipping`: uses left, None: not of the tier.

    `until`: seconds since 1970, whole.
    """

    shop: str
    tier: str
    price: int
    free_shipping: int | None
    until: int


class InvalidBadge(ValueError):
    """The token was changed, is not whole, or has expired."""


def until(now: datetime) -> int:
    return int((now + LASTS).timestamp())


def sign(key: bytes, badge: Badge) -> str:
    """A token for an address: base64 of the badge and of the first 16 bytes of its HMAC-SHA256."""
    body = orjson.dumps(list(badge))
    return base64.urlsafe_b64encode(hmac.digest(key, body, "sha256")[:_MAC] + body).rstrip(b"=").decode()


def read(key: bytes, token: str, now: datetime) -> Badge:
    """The badge, unchanged and in its time. Raises InvalidBadge."""
    try:
        opened = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidBadge from None
    mac, body = opened[:_MAC], opened[_MAC:]
    if not hmac.compare_digest(hmac.digest(key, body, "sha256")[:_MAC], mac):
        raise InvalidBadge
    badge = Badge(*orjson.loads(body))
    if datetime.fromtimestamp(badge.until, UTC) <= now:
        raise InvalidBadge
    return badge
