"""Which offers the shop has."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.storage.database import Transaction
from messaging.offers.store import save_offers, save_stopped


async def on_offers_set(tx: Transaction, batch: Batch) -> None:
    """Keep their terms, so that a campaign, a flow or a parcel plan names one that there is."""
    await save_offers(tx, batch.events)


async def on_offers_stopped(tx: Transaction, batch: Batch) -> None:
    """Of these nobody is given a coupon any more."""
    await save_stopped(tx, batch.events)
