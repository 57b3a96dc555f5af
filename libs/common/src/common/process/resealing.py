"""What a replaced master key sealed is sealed with the current one, in every service (S6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from common.crypto.master import MasterKeys
from common.crypto.sealed import Row, Sealed
from common.storage.database import Transaction
from common.work.sweeps import Job


def resealing(kinds: Sequence[Sealed], master: MasterKeys) -> Job:
    """A few of each kind at a time, whenever there are some (docs/operating.md, "Another master key")."""
    broken = defaultdict[str, set[Row]](set)

    async def batch(tx: Transaction, now: datetime, limit: int) -> int:
        if not master.replaced:
            return 0
        return sum([await kind.anew(tx, master, broken[kind.name]) for kind in kinds])

    return Job("sealed_anew", batch)
