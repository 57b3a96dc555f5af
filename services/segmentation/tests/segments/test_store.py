"""Segments come in pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.segments.store import list_segment

from ..shop_life import take


async def test_seg_005_a_list_of_returning_customers_comes_in_pages(
    db: Database, clock: FixedClock, events: Any
) -> None:
    clock.set(datetime(2025, 3, 1, tzinfo=UTC))
    made = [events.completed(f"c{n}", "2025-02-01T10:00") for n in range(5)]
    made += [events.viewed("x1", "2025-02-01T10:00")]
    async with db.transaction() as tx:
        await take(tx, made)
        first = await list_segment(tx, "tea", "stage", "returning", "", 3)
        rest = await list_segment(tx, "tea", "stage", "returning", first[-1], 3)
        assert first + rest == ["c0", "c1", "c2", "c3", "c4"]
        assert await list_segment(tx, "tea", "stage", "new", "", 9) == ["x1"]
        assert await list_segment(tx, "tea", "lifecycle", "active", "c2", 9) == ["c3", "c4"]
        assert await list_segment(tx, "tea", "rfm", "general_value", "", 1) == ["c0"]
        assert await list_segment(tx, "tea", "lapsed", "true", "", 9) == []
        assert await list_segment(tx, "other", "stage", "returning", "", 9) == []
