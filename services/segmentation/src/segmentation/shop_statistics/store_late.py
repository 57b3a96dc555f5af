"""Orders folded after the statistics that they came too late for, and the shops whose statistics they outgrow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

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
    """So many orders of each shop were folded, who all completed before its newest statistics. The shops are held."""
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


async def get_late(tx: Transaction, shop: str, month: date) -> int:
    """So many orders were noted before the count of the month's statistics began: it knows all of them.

    Before its first portion: so many are noted now.
    """
    # A row a portion, else a row a connection.
    late = await tx.value(
        """
        select coalesce(
            (select max(late) from statistics_portions where shop = :shop and month = :month),
            (select cast(sum(orders) as bigint) from late_orders where shop = :shop),
            0
        )
        """,
        shop=shop,
        month=month,
    )
    return int(late)


async def begin_again(tx: Transaction, shop: str, month: date, known: int, now: datetime) -> None:
    """Discard the portions that were counted before a quarter more was noted than they could know, if no more comes.

    Each time a quarter more: so the count of a shop of which some come late every minute ends, too.
    """
    # A row a portion and a row a connection.
    await tx.execute(
        f"""
        delete from statistics_portions p using (
            select sum(orders) as orders, max(last_at) as last_at from late_orders where shop = :shop
        ) noted
        where p.shop = :shop and p.month = :month and 4 * (noted.orders - p.late) >= :known + p.late
          and noted.last_at <= cast(:now as timestamptz) - interval '{SETTLED_S} seconds'
        """,
        shop=shop,
        month=month,
        known=known,
        now=now,
    )


async def forget_late(tx: Transaction, shop: str, counted: int) -> None:
    """So many orders were noted before the newest statistics were begun. The shops are locked.

    Those that were noted since stay: the portions counted before them do not know them.
    """
    # A row a connection.
    noted = await tx.fetch_one(
        """
        with gone as (delete from late_orders where shop = :shop returning orders, last_at)
        select cast(coalesce(sum(orders), 0) as bigint) as orders, max(last_at) as last_at from gone
        """,
        shop=shop,
    )
    if noted is not None and noted.orders > counted:
        # Of no connection: their processes have numbers from 1 on.
        await tx.execute(
            """
            insert into late_orders (shop, backend, orders, first_at, last_at)
            values (:shop, 0, :orders, :now, :last_at)
            """,
            shop=shop,
            orders=noted.orders - counted,
            now=tx.clock.now(),
            last_at=noted.last_at,
        )
