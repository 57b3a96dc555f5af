"""Signing by Standard Webhooks 1.0, for shops that would rather share a webhook's secret than an API key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

_PREFIX = "whsec_"


def sign(secret: str, id_: str, at: int, body: bytes) -> str:
    """`v1,<base64>` of the id, the seconds since 1970 and the body. Raises ValueError for what is no secret."""
    text = secret.removeprefix(_PREFIX)
    key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if not key:
        raise ValueError("the secret is whsec_ and the base64 of 24 to 64 random bytes")
    made = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def signed_headers(secret: str, id_: str, body: bytes, at: int | None = None) -> dict[str, str]:
    """The three headers of a delivery; sign each attempt anew, for an old time is refused."""
    now = int(time.time()) if at is None else at
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, id_, now, body),
    }
