"""Orders told after the statistics of the month that they came before, and the shops whose statistics they outgrow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from common.storage.columns import Columns
from common.storage.database import Transaction

SETTLED_S = 30
"""Nothing late for so long: the history is in."""
AT_LEAST_S = 600
"""A history that does not settle counts so long after its first order, where it has doubled what was known."""
_TOLD = Columns("w", shop="text", orders="bigint")

# One row a shop and connection, by the newest statistics: a probe of the primary key a shop. A quarter more than what
# they knew is much: it is asked of what came since, and exactly when they are counted anew.
OUTGROWN = f"""
select told.shop from (
    select shop, sum(orders) as orders, min(first_at) as first_at, max(last_at) as last_at
    from late_orders group by shop
) told cross join lateral (
    select coalesce(cast(s.body ->> 'orders' as bigint), 0) as orders
    from shop_statistics s where s.shop = told.shop order by s.version desc limit 1
) known
where (told.last_at <= cast(:now as timestamptz) - interval '{SETTLED_S} seconds' and 4 * told.orders >= known.orders)
   or (told.first_at <= cast(:now as timestamptz) - interval '{AT_LEAST_S} seconds' and told.orders >= known.orders)
"""


async def note_late(tx: Transaction, told: Mapping[str, int]) -> None:
    """So many orders of each shop were told, who all completed before its newest statistics."""
    # This connection's own row of each shop: nobody else writes it until the next statistics, which wait for folds.
    await tx.execute(
        f"""
        insert into late_orders as l (shop, backend, orders, first_at, last_at)
        select shop, pg_backend_pid(), orders, :now, :now from {_TOLD}
        on conflict (shop, backend) do update
        set orders = l.orders + excluded.orders, last_at = greatest(l.last_at, excluded.last_at)
        """,
        now=tx.clock.now(),
        **_TOLD.of(sorted(told.items())),
    )


async def list_outgrown(tx: Transaction, now: datetime) -> list[str]:
    """Shops of which so much was told late, and no more comes, that their newest statistics are to be made anew."""
    return [row.shop for row in await tx.fetch(f"{OUTGROWN} order by told.shop", now=now)]


async def forget_late(tx: Transaction, shop: str) -> None:
    """All that was told late of the shop is in its newest statistics, or was not much. The shops are locked."""
    await tx.execute("delete from late_orders where shop = :shop", shop=shop)


async def forget_counted(tx: Transaction, shop: str, counted: int, now: datetime) -> None:
    """So many of the orders told late were counted. The others stay while more come. The shops are locked."""
    # A row a connection.
    told = await tx.fetch_one(
        f"""
        select cast(coalesce(sum(orders), 0) as bigint) as orders, max(last_at) as last_at,
               coalesce(max(last_at) <= cast(:now as timestamptz) - interval '{SETTLED_S} seconds', true) as settled
        from late_orders where shop = :shop
        """,
        shop=shop,
        now=now,
    )
    await forget_late(tx, shop)
    # Once the history is in, what was not counted is nothing new: orders that were told again.
    if told is not None and not told.settled and told.orders > counted:
        # Of no connection: their processes have numbers from 1 on.
        await tx.execute(
            """
            insert into late_orders (shop, backend, orders, first_at, last_at)
            values (:shop, 0, :orders, :now, :last_at)
            """,
            shop=shop,
            orders=told.orders - counted,
            now=now,
            last_at=told.last_at,
        )
