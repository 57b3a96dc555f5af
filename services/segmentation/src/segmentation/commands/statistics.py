"""Statistics of a month: added once, by which every customer is then rescheduled, and announced."""

from __future__ import annotations

from common.events.segments import StatisticsComputed
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.buyer_types.store import start_typing
from segmentation.rescheduling import store as rescheduling
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shop_statistics.store import STATISTICS


async def save_statistics(tx: Transaction, shop: str, statistics: ShopStatistics) -> bool:
    """Add what was computed, and announce it; False when another process was first. The shops are locked."""
    if not await add_statistics(tx, shop, statistics):
        return False
    fields = statistics.model_dump(exclude={"as_of"})
    await tell(
        tx, shop, "statistics", StatisticsComputed(version=statistics.number, valid_from=statistics.as_of, **fields)
    )
    return True


async def add_statistics(tx: Transaction, shop: str, statistics: ShopStatistics, *, late: bool = False) -> bool:
    """Store statistics and have every customer rescheduled; False when they are there already. The shops are locked.

    `late`: customers folded beyond their instant without them are folded anew.
    """
    added = await STATISTICS.insert(tx, shop, statistics.number, statistics.as_of, statistics, late=late)
    await shop_statistics.discard_portions(tx, shop)
    if added:
        await rescheduling.start(tx, shop, statistics.as_of)
        await start_typing(tx, shop, statistics.as_of, again=True)  # types rest on the shop's means
    return added


def read_back(data: StatisticsComputed) -> ShopStatistics:
    """The statistics as they were announced."""
    return ShopStatistics(as_of=data.valid_from, **data.model_dump(exclude={"version", "valid_from"}))
