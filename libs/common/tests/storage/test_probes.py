"""What a batch reads by its customers and events is read at their cost, not at the table's (decision 0080)."""

from __future__ import annotations

from datetime import UTC, datetime

from common.bus.inbox import claim
from common.events import Event
from common.events.shops import ImportStarted
from common.fold.store_items import get_items
from common.people.store import get_merged_at, get_people, get_survivors
from common.storage.database import Database, Transaction

from ..fold.test_fold import FOLDING

ROWS_READ = (
    "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables"
    " where relname in ('customers', 'items', 'inbox')"
)
SIZE = 50


async def read(tx: Transaction, batch: int) -> int:
    """How many items these customers have; nobody of them is absorbed."""
    keys = [("shop", f"c{batch}-{n}") for n in range(SIZE)]
    assert await get_survivors(tx, keys) == {}
    assert await get_merged_at(tx, keys) == {}
    assert await get_people(tx, keys) == {key: [key] for key in keys}
    return sum(len(of) for of in (await get_items(tx, FOLDING, [(key, "lot/") for key in keys])).values())


async def take(tx: Transaction, batch: int) -> int:
    """How many of the batch's events are new."""
    at = datetime(2025, 1, 1, tzinfo=UTC)
    events = [Event(f"e{batch}-{n}", "/x", "shop", None, at, ImportStarted(job_id=str(n))) for n in range(SIZE)]
    return len(await claim(tx, [(event, event.encode()) for event in events]))


async def test_a_shops_first_customers_are_not_read_through_for_each_batch(db: Database) -> None:
    """Plans that were made while the tables were empty, and not analysed since."""
    async with db.transaction() as tx:
        # As new ones: of a table that was vacuumed while it was empty PostgreSQL knows that it is.
        await tx.execute("truncate customers, items, inbox")
    async with db.transaction() as tx:
        await take(tx, 0)
    for batch in range(20):
        async with db.transaction() as tx:
            assert await take(tx, 0) == 0
            assert await read(tx, batch) == 0
            await take(tx, batch + 1)
            names = [f"c{batch}-{n}" for n in range(SIZE)]
            for table, columns, values in (
                ("customers", "shop, customer", "'shop', c"),
                ("items", "shop, customer, name, body", "'shop', c, 'lot/1', '1'"),
            ):
                await tx.execute(
                    f"insert into {table} ({columns}) select {values} from unnest(cast(:names as text[])) c",
                    names=names,
                )
    async with db.transaction() as tx:
        before = await tx.value(ROWS_READ)
        assert await read(tx, 7) == SIZE
        assert await take(tx, 7) == 0
        assert await tx.value(ROWS_READ) - before <= 8 * SIZE
