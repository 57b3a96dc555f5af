"""Parcel plans, parcels that were planned, and scans, read back by a rebuild."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.storage.database import Transaction
from messaging.parcels.document import ParcelPlan
from messaging.parcels.store import PLANS, save_planned, save_scans


async def on_parcel_plans(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back, before all else."""
    for event in batch.events:
        document = ParcelPlan.model_validate(event.data.document)
        await PLANS.insert(tx, event.shop, event.data.version, event.data.valid_from, document)


async def on_planned(tx: Transaction, batch: Batch) -> None:
    """Which parcels were planned, and what went into them."""
    await save_planned(tx, batch.events)


async def on_scans(tx: Transaction, batch: Batch) -> None:
    """Which inserts were scanned."""
    await save_scans(tx, [(e.customer, e.data.order_id, e.data.insert, e.time) for e in batch.events])
