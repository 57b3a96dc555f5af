"""How are the versions of a shop's thresholds kept? A new one is to be met by every customer."""

from __future__ import annotations

from datetime import datetime

from common.storage.database import Transaction
from common.versions.table import VersionTable
from segmentation.rescheduling.store import start_review
from segmentation.thresholds.state import Thresholds

THRESHOLDS = VersionTable("thresholds", Thresholds)


async def insert_thresholds(
    tx: Transaction, shop: str, version: int, valid_from: datetime, thresholds: Thresholds, *, late: bool = False
) -> bool:
    """Add a version, to be met by every customer; False when it is there already. The caller has locked the shops.

    `late`: who was folded beyond its start without it is to be folded anew.
    """
    added = await THRESHOLDS.insert(tx, shop, version, valid_from, thresholds, late=late)
    if added:
        # Figures in the making may be over the window of before: they begin again.
        await tx.execute("delete from figure_portions where shop = :shop", shop=shop)
        await start_review(tx, shop)
    return added
