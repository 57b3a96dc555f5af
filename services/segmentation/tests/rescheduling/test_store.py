"""Customers who are rescheduled: whoever was written since the page was read is looked at as they stand now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.storage.database import Database
from segmentation.rescheduling.store import get_scheduled, lock_scheduled

from ..shop_life import START, feed


async def test_whoever_was_written_since_the_page_was_read_comes_back_as_they_stand(db: Database, events: Any) -> None:
    orders = [events.completed(customer, START - timedelta(days=40)) for customer in ("c1", "c2", "c3")]
    await feed(db, orders)
    async with db.transaction() as tx:
        page = await get_scheduled(tx, "tea", ["c1", "c2", "c3"])
        assert [each.state.purchases.completed for each in page] == [1, 1, 1]
        await feed(db, [events.completed("c2", START - timedelta(days=10))])
        async with db.transaction() as other:
            await other.execute("update customers set due_at = :at where customer = 'c3'", at=START)
        same, others = await lock_scheduled(tx, "tea", page)
    assert same == {"c1"}
    found = {each.customer: each for each in others}
    assert set(found) == {"c2", "c3"}
    assert found["c2"].state.purchases.completed == 2
    assert found["c3"].due_at == START
