"""Shops whose customers are not turned by the date until something that evaluates all of them is done."""

from __future__ import annotations

from datetime import datetime

from common.shops.settings import SHOPS
from common.storage.database import Transaction
from segmentation.jobs.statistics import list_overdue
from segmentation.shop_statistics.store import STATISTICS
from segmentation.thresholds.store import THRESHOLDS

SEGMENTS = "segments"
"""The job that folds whom the date turns."""


async def list_late(tx: Transaction) -> list[str]:
    """Shops of which customers are still to be folded by something that was met late, once for each."""
    return [shop for table in (THRESHOLDS, STATISTICS, SHOPS) for shop in await table.late_shops(tx)]


async def list_waiting(tx: Transaction, now: datetime) -> set[str]:
    """Shops whose next month has begun and has no statistics yet, and those that something was met late of."""
    return {*await list_overdue(tx, now), *await list_late(tx)}
