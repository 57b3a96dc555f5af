"""Statistics of a month: added, by which every customer is then rescheduled or folded anew, and announced."""

from __future__ import annotations

from common.events.segments import StatisticsComputed
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.buyer_types.store import start_typing
from segmentation.lifetime_value import store as values
from segmentation.monthly_flows.store import forget_counts
from segmentation.rescheduling import store as rescheduling
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shop_statistics.store import STATISTICS
from segmentation.shop_statistics.store_late import forget_late


async def save_statistics(tx: Transaction, shop: str, statistics: ShopStatistics, late: int) -> bool:
    """Add what was computed, and announce it; False when another process was first. The shops are locked.

    `late`: of the late orders, so many were noted before the count began.
    """
    if not await add_statistics(tx, shop, statistics):
        return False
    await forget_late(tx, shop, late)
    await _tell(tx, shop, statistics)
    return True


async def save_edition(tx: Transaction, shop: str, statistics: ShopStatistics) -> None:
    """Add another edition of the newest month, have everybody folded anew by it, and announce it.

    The shops are locked. Where customers went by month is counted anew, as that month's borders are others now.
    """
    await add_statistics(tx, shop, statistics, late=True)
    await values.discard_portions(tx, shop)  # of the fits that would have gone with the edition before
    await forget_counts(tx, [shop], None)
    await _tell(tx, shop, statistics)


async def _tell(tx: Transaction, shop: str, statistics: ShopStatistics) -> None:
    fields = statistics.model_dump(exclude={"as_of"})
    data = StatisticsComputed(version=statistics.number, valid_from=statistics.as_of, **fields)
    await tell(tx, shop, "statistics", data)


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
