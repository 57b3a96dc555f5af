"""Which segments the shop has."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.storage.database import Transaction
from messaging.segments.store import save_segments


async def on_segments_defined(tx: Transaction, batch: Batch) -> None:
    """Keep their names, so that a campaign, a flow or a policy names one that there is."""
    await save_segments(tx, batch.events)
