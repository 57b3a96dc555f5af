"""SQL of runs whose list is asked for page by page: leased, moved on, delayed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from common.storage.database import Transaction
from orders_ingest.reconciliation.lists.protocol import Place

LEASE = timedelta(minutes=5)
"""For which a run belongs to the process that asks for its next page."""


class Polled(NamedTuple):
    """A run whose next page is to be asked for."""

    shop: str
    run_id: str
    vendor: str
    since: datetime
    place: Place | None
    barren: int
    failures: int


async def insert_polled(tx: Transaction, shop: str, run_id: str, vendor: str, since: datetime, until: datetime) -> bool:
    """False where there is a run of that id."""
    count = await tx.execute(
        """
        insert into reconciliations (shop, run_id, since, until, began_at, polled, asks_at)
        values (:shop, :run_id, :since, :until, :now, :vendor, :now) on conflict do nothing
        """,
        shop=shop,
        run_id=run_id,
        since=since,
        until=until,
        vendor=vendor,
        now=tx.clock.now(),
    )
    return count == 1


async def lease(tx: Transaction) -> Polled | None:
    """The run that has waited longest, now this process's for a while; None where none is to be asked for."""
    # By the index of open polled runs.
    row = await tx.fetch_one(
        """
        update reconciliations r set asks_at = :until
        from (select shop, run_id from reconciliations
              where polled is not null and ended_at is null and asks_at <= :now
              order by asks_at limit 1 for update skip locked) w
        where r.shop = w.shop and r.run_id = w.run_id
        returning r.shop, r.run_id, r.polled, r.since, r.place, r.barren, r.failures
        """,
        now=tx.clock.now(),
        until=tx.clock.now() + LEASE,
    )
    if row is None:
        return None
    place = None if row.place is None else orjson.loads(row.place)
    return Polled(row.shop, row.run_id, row.polled, row.since, place, row.barren, row.failures)


async def lock_open(tx: Transaction, run: Polled) -> bool:
    """Whether the run is still open and at the same place; it is locked then."""
    row = await tx.fetch_one(
        """
        select place, ended_at from reconciliations where shop = :shop and run_id = :run_id for update
        """,
        shop=run.shop,
        run_id=run.run_id,
    )
    return row is not None and row.ended_at is None and row.place == _written(run.place)


async def move_on(tx: Transaction, run: Polled, place: Place | None, *, fresh: bool) -> None:
    """A page was taken; the next one, if any, is asked for at once. The caller has locked the run."""
    await tx.execute(
        """
        update reconciliations set place = :place, pages = pages + 1, failures = 0, trouble = null, asks_at = :now,
            barren = case when :fresh then 0 else barren + 1 end
        where shop = :shop and run_id = :run_id
        """,
        shop=run.shop,
        run_id=run.run_id,
        place=_written(place),
        fresh=fresh,
        now=tx.clock.now(),
    )


async def delay(tx: Transaction, run: Polled, wait: timedelta, trouble: str) -> None:
    """No page came: the same one is asked for later."""
    await tx.execute(
        """
        update reconciliations set failures = failures + 1, trouble = :trouble, asks_at = :at
        where shop = :shop and run_id = :run_id and ended_at is null
        """,
        shop=run.shop,
        run_id=run.run_id,
        trouble=trouble,
        at=tx.clock.now() + wait,
    )


async def stop_run(tx: Transaction, shop: str, run_id: str, trouble: str) -> None:
    """The list is not read any further; what it lacks is not known."""
    # By primary keys.
    await tx.execute("delete from reconciled_orders where shop = :shop and run_id = :run_id", shop=shop, run_id=run_id)
    await tx.execute(
        """
        update reconciliations set ended_at = :now, trouble = :trouble
        where shop = :shop and run_id = :run_id and ended_at is null
        """,
        shop=shop,
        run_id=run_id,
        trouble=trouble,
        now=tx.clock.now(),
    )


async def get_known_refunds(tx: Transaction, shop: str, refund_ids: list[str]) -> set[str]:
    """Those of these refunds that came, whatever became of them."""
    # By the primary key.
    rows: Any = await tx.fetch(
        "select refund_id from refunds where shop = :shop and refund_id = any(:ids)", shop=shop, ids=refund_ids
    )
    return {row.refund_id for row in rows}


def _written(place: Place | None) -> str | None:
    return None if place is None else orjson.dumps(dict(place), option=orjson.OPT_SORT_KEYS).decode()
