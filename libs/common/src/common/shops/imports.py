"""Which shops have history on its way: imports that were announced as started and not as ended since."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from common.events import Event
from common.events.shops import ImportEnded, ImportStarted
from common.storage.columns import Columns
from common.storage.database import Transaction

LONGEST = timedelta(days=1)
"""Who waits for an import waits for so long at most: one whose service is gone never ends."""
_CHANGES = Columns("n", shop="text", job="text", started="timestamptz", ended="timestamptz")


async def save_imports(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Store what is new of these, in any order and any of them again."""
    rows = list[tuple[str, str, datetime | None, datetime | None]]()
    for event in events:
        if isinstance(event.data, ImportStarted):
            rows.append((event.shop, event.data.job_id, event.time, None))
        elif isinstance(event.data, ImportEnded):
            rows.append((event.shop, event.data.job_id, None, event.time))
    if not rows:
        return
    # By primary key; `greatest` passes over nulls.
    await tx.execute(
        f"""
        insert into imports_under_way as i (shop, job_id, started_at, ended_at)
        select shop, job, max(started), max(ended) from {_CHANGES} group by shop, job order by shop, job
        on conflict (shop, job_id) do update set started_at = greatest(i.started_at, excluded.started_at),
            ended_at = greatest(i.ended_at, excluded.ended_at)
        """,
        **_CHANGES.of(rows),
    )


async def list_importing(tx: Transaction, shops: Collection[str], now: datetime) -> set[str]:
    """Those of the shops whose history is on its way, where the log was read up to `now`.

    An import that ended after `now` counts too: what it brought may not be read yet.
    """
    # A row an import of the shop.
    rows = await tx.fetch(
        """
        select distinct shop from imports_under_way
        where shop = any(:shops) and started_at > :since
          and (started_at > coalesce(ended_at, '-infinity') or ended_at > :now)
        """,
        shops=sorted(shops),
        since=now - LONGEST,
        now=now,
    )
    return {row.shop for row in rows}
