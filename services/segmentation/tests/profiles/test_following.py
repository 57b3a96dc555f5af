"""What addresses tell, and what was bought, is read at the cost of the orders that are asked for (decision 0080)."""

from __future__ import annotations

from datetime import date

import pytest

from common.storage.database import Database, Transaction
from segmentation.bought.store import get_bought
from segmentation.profiles.store import follow_orders

ROWS_READ = (
    "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables"
    " where relname in ('order_facts', 'sales', 'people')"
)
PEOPLE = {"daily": 1_000, "often": 1_000, **{f"c{n}": 5 for n in range(40)}}


async def fill(tx: Transaction) -> None:
    """Orders that all tell a life state; the newest one of each customer was taken back."""
    for customer, orders in PEOPLE.items():
        await tx.execute(
            """
            insert into order_facts
                (shop, customer, order_id, revision, day, promoted, units, life_state, placed_at)
            select 'tea', :customer, cast(n as text), 1, date '2024-01-01' + n / 10, false, 1,
                   case n when :orders - 1 then 'student' else 'homebody' end,
                   timestamptz '2024-01-01' + n * interval '2 hours'
            from generate_series(1, :orders) n
            """,
            customer=customer,
            orders=orders,
        )
        await tx.execute(
            """
            insert into sales (shop, customer, name, day, gone, currency, orders, paid, refunded)
            select 'tea', :customer, 'order/' || n, date '2024-01-01' + n / 10,
                   case n when :orders then date '2024-06-01' end, 'CNY', 1, n, 0
            from generate_series(1, :orders) n
            """,
            customer=customer,
            orders=orders,
        )


@pytest.mark.parametrize("analysed", [False, True])
async def test_a_customer_of_many_orders_costs_the_newest_ones(db: Database, analysed: bool) -> None:
    """Also while PostgreSQL takes the tables for empty: all sales for each order would be a million rows."""
    everybody = [("tea", customer) for customer in PEOPLE]
    async with db.transaction() as tx:
        await follow_orders(tx, everybody)  # planned
        await fill(tx)
    if analysed:
        async with db.transaction() as tx:
            await tx.execute("analyze order_facts, sales, people")
    async with db.transaction() as tx:
        before = await tx.value(ROWS_READ)  # of transactions before this one, too, until the server adds them up
        await follow_orders(tx, everybody)
        assert 0 < await tx.value(ROWS_READ) - before <= 5 * len(PEOPLE)
        told = await tx.fetch("select distinct sent_state from profiles")
        assert [row.sent_state for row in told] == ["student"]
        before = await tx.value(ROWS_READ)
        found = await get_bought(tx, "tea", ["daily", "nobody"], date(2024, 1, 1), "CNY", 500)
        assert 0 < await tx.value(ROWS_READ) - before <= 1_600, "the orders, and the sales of the newest"
        assert found["nobody"] == []
        assert [each.net for each in found["daily"]][:12] == [*range(990, 1_000), 980, 981]
        assert len(found["daily"]) == 500
