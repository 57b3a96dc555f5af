"""Counts of the report."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.report.store import count_buyers

from ..shop_life import take


async def test_buyers_are_counted_over_all_time_or_between_two_dates(
    db: Database, clock: FixedClock, events: Any
) -> None:
    """ANA-034: both parts of the repurchase rate are counted in the same window, which may be any."""
    clock.set(datetime(2025, 9, 1, tzinfo=UTC))
    days = {"c1": ["2025-01-10"], "c2": ["2025-01-10", "2025-02-01"], "c3": ["2025-02-01", "2025-02-01", "2025-03-01"]}
    made = [events.completed(name, f"{day}T10:00") for name, dates in days.items() for day in dates]
    async with db.transaction() as tx:
        await take(tx, made)
        await tx.execute("insert into members values ('tea', 'c2', now()), ('tea', 'm9', now()), ('wine', 'c1', now())")
        ever = await count_buyers(tx, "tea", None, None)
        february = await count_buyers(tx, "tea", date(2025, 2, 1), date(2025, 3, 1))
    assert ever.reached == {1: 3, 2: 2, 3: 1, 4: 0, 5: 0, 6: 0}
    assert (ever.members, ever.repurchasing_members) == (2, 1)
    assert february.reached == {1: 2, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0}
    assert (february.members, february.repurchasing_members) == (2, 0)
