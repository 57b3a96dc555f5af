"""Customers' keys that a replaced master key wraps are wrapped with the current one, and told to every service."""

from __future__ import annotations

from datetime import datetime

from common.crypto.keys import KeyRing
from common.metrics import KEYS_REWRAPPED
from common.storage.database import Transaction
from common.work.sweeps import Job


def rewrapping(ring: KeyRing) -> Job:
    """A few at a time, whenever there are some (docs/operating.md, "Another master key")."""

    async def batch(tx: Transaction, now: datetime, limit: int) -> int:
        told = await ring.rewrap(tx, limit)
        await tx.announce(told)
        KEYS_REWRAPPED.inc(len(told))
        return len(told)

    return Job("master_key", batch)
