"""What a batch reads by its customers is read at their cost, not at the table's (decision 0080)."""

from __future__ import annotations

from common.storage.database import Database, Transaction
from segmentation.activity.store import get_first
from segmentation.fold import KEPT
from segmentation.held_inputs.store import get_inputs
from segmentation.monthly_flows.store import get_sold

ROWS_READ = (
    "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables"
    " where relname in ('activity', 'sales', 'history')"
)
SIZE = 50


async def read(tx: Transaction, batch: int) -> int:
    """How many of these customers have an activity and a sale."""
    keys = [("tea", f"c{batch}-{n}") for n in range(SIZE)]
    first, sold = await get_first(tx, keys), await get_sold(tx, keys)
    assert await get_inputs(tx, KEPT, keys) == []
    return len(first) + sum(len(of) for of in sold.values())


async def test_a_shops_first_customers_are_not_read_through_for_each_batch(db: Database) -> None:
    """Plans that were made while the tables were empty, and not analysed since."""
    async with db.transaction() as tx:
        # As new ones: of a table that was vacuumed while it was empty PostgreSQL knows that it is.
        await tx.execute("truncate activity, sales, history")
    for batch in range(20):
        async with db.transaction() as tx:
            assert await read(tx, batch) == 0
            names = [f"c{batch}-{n}" for n in range(SIZE)]
            await tx.execute(
                "insert into activity (shop, customer, day, kind, category, count, first_at, last_at)"
                " select 'tea', c, '2025-01-01', 'product.viewed', '', 1, now(), now()"
                " from unnest(cast(:names as text[])) c",
                names=names,
            )
            await tx.execute(
                "insert into sales (shop, customer, name, day, currency, orders, paid, refunded)"
                " select 'tea', c, 'order/1', '2025-01-01', 'CNY', 1, 100, 0 from unnest(cast(:names as text[])) c",
                names=names,
            )
            await tx.execute(
                "insert into history (key, hash, shop, customer, at, rank, source, id, type, fields)"
                " select gen_random_uuid(), gen_random_uuid(), 'tea', c, now(), 0, '/', c, 'order.placed', '{}'"
                " from unnest(cast(:names as text[])) c",
                names=names,
            )
    async with db.transaction() as tx:
        before = await tx.value(ROWS_READ)
        assert await read(tx, 7) == 2 * SIZE
        assert await tx.value(ROWS_READ) - before <= 3 * SIZE
