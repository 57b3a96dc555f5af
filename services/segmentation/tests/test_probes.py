"""What a batch reads by its customers is read at their cost, not at the table's (decision 0080)."""

from __future__ import annotations

from datetime import date, timedelta

from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from segmentation.activity.store import get_first
from segmentation.expressions.parsing import parse
from segmentation.fold import KEPT
from segmentation.held_inputs import store as held_inputs
from segmentation.monthly_flows.store import get_sold
from segmentation.rescheduling import store as rescheduling
from segmentation.segments.store_standings import Day, compare_moving, span
from segmentation.segments.store_stays import get_open

from .histories import START

ROWS_READ = (
    "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables"
    " where relname in ('activity', 'sales', 'history', 'segment_stays')"
)
SIZE = 50


async def read(tx: Transaction, batch: int) -> int:
    """How many of these customers have an activity and a sale."""
    keys = [("tea", f"c{batch}-{n}") for n in range(SIZE)]
    first, sold = await get_first(tx, keys), await get_sold(tx, keys)
    assert await held_inputs.get_inputs(tx, KEPT, keys) == []
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


async def test_who_enters_a_segment_is_looked_up_at_their_own_cost(db: Database) -> None:
    """P7: a page of a million customers read all who had entered on the pages before, 775 times compared."""
    async with db.transaction() as tx:
        await tx.execute("truncate segment_stays")
    for batch in range(20):
        async with db.transaction() as tx:
            pairs = [(f"c{batch:02}-{n}", "loyal") for n in range(SIZE)]
            assert await get_open(tx, "tea", pairs) == {}
            await tx.execute(
                "insert into segment_stays (shop, customer, segment, episode, entered_at)"
                " select 'tea', c, 'loyal', 'loyal-1', now() from unnest(cast(:names as text[])) c",
                names=[name for name, _ in pairs],
            )
    async with db.transaction() as tx:
        before = await tx.value(ROWS_READ)
        assert len(await get_open(tx, "tea", [(f"c07-{n}", "loyal") for n in range(SIZE)])) == SIZE
        day = Day(date(2025, 3, 1), "CNY", {"loyal": parse("orders >= 3")})
        await compare_moving(tx, day, "loyal", span("tea", "c06-9", "c07-9"))
        assert await tx.value(ROWS_READ) - before <= 3 * SIZE


async def test_what_is_held_is_looked_for_at_the_cost_of_what_is_found(db: Database, clock: FixedClock) -> None:
    """SEG-013: an import's last month is held for its statistics, of every customer, and asked for at each turn."""
    shops, customers = ("aroma", "tea"), 500
    async with db.transaction() as tx:
        await tx.execute("truncate history")
        await tx.execute(
            "insert into history (key, hash, shop, customer, at, rank, source, id, type, fields, held)"
            " select gen_random_uuid(), gen_random_uuid(), s, 'c' || n % cast(:customers as integer),"
            " cast(:at as timestamptz) + n * interval '1 second', 0, '/', s || n, 'order.placed', '{}', true"
            " from unnest(cast(:shops as text[])) s, generate_series(1, 5000) n",
            shops=list(shops),
            customers=customers,
            at=START,
        )
    keys = [("tea", f"c{n}") for n in range(SIZE)]
    async with db.transaction() as tx:
        await tx.lock_customers(keys)
        before = await tx.value(ROWS_READ)
        assert await held_inputs.list_shops(tx) == list(shops)
        assert await held_inputs.list_customers(tx, "tea", START + timedelta(days=1), 1) == ["c1"]
        found = await held_inputs.list_customers(tx, "tea", START + timedelta(days=1), SIZE)
        assert found == [f"c{n}" for n in range(1, SIZE + 1)]
        first = await held_inputs.get_first(tx, keys)
        assert first[("tea", "c0")] == START + timedelta(seconds=customers)
        assert len(first) == SIZE
        known = await rescheduling.get_scheduled(tx, "tea", [name for _, name in keys])
        assert (await rescheduling.lock_scheduled(tx, "tea", known, "segments", clock.now())).apart == set()
        assert await tx.value(ROWS_READ) - before <= 5 * SIZE
