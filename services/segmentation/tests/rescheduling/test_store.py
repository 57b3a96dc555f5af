"""Customers who are rescheduled: whoever was written since the page was read is looked at as they stand now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.storage.database import Database
from common.work import set_aside
from common.work.set_aside import Task
from segmentation.rescheduling.store import get_scheduled, lock_scheduled

from ..shop_life import START, feed


async def test_whoever_was_written_since_the_page_was_read_comes_back_as_they_stand(db: Database, events: Any) -> None:
    names = ["c1", "c2", "c3", "c4"]
    await feed(db, [events.completed(customer, START - timedelta(days=40)) for customer in names])
    async with db.transaction() as tx:
        await set_aside.put(tx, "segments", Task("tea", "c1"), START, "a test")
    async with db.transaction() as tx:
        await tx.execute("set local enable_indexscan = off")
        later = "update customers set due_at = due_at + interval '1 hour' where customer = 'c1'"
        await tx.execute(later)  # the last row of the table now
        page = await get_scheduled(tx, "tea", names)
        assert [each.customer for each in page] == names
        assert [each.state.purchases.completed for each in page] == [1, 1, 1, 1]
        await feed(db, [events.completed("c2", START - timedelta(days=10))])
        async with db.transaction() as other:
            await other.execute("update customers set due_at = :at where customer = 'c3'", at=START)
        locked = await lock_scheduled(tx, "tea", page, "segments", START)
        assert {row.key[1]: (row.inputs, row.due_at) for row in tx.locked.values()}["c3"] == (1, START)
    assert (locked.same, locked.apart) == ({"c1", "c4"}, {"c1"})
    found = {each.customer: each for each in locked.others}
    assert set(found) == {"c2", "c3"}
    assert (found["c2"].state.purchases.completed, found["c2"].row.inputs) == (2, 2)
    assert found["c3"].row.due_at == START
