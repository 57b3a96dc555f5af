"""Customers whom a batch of coupons leaves out, so that its effect can be told (ANA-032, ANA-036); pure."""

from __future__ import annotations

import hashlib


def is_held_out(shop: str, offer_id: str, batch: str, person: str, percent: int) -> bool:
    """Whether the batch leaves this person out: the same whenever it is asked, and another draw for each batch."""
    drawn = hashlib.sha256("\0".join((shop, offer_id, batch, person)).encode()).digest()
    return int.from_bytes(drawn[:8], "big") % 100 < percent
