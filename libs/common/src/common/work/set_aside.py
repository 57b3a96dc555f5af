"""Tasks of sweeps that failed: kept apart, shown to the operator, tried again after a growing pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.storage.database import Transaction


class Task(NamedTuple):
    """One customer's work in a sweep; `what` tells tasks of one customer apart (a version's number), often empty."""

    shop: str
    customer: str
    what: str = ""


async def put(tx: Transaction, job: str, task: Task, now: datetime, detail: str) -> None:
    """Set the task aside after a failure: for a minute, and for twice as long each time, a day at most."""
    await tx.execute(
        """
        insert into set_aside as s (job, shop, customer, what, tries, retry_at, detail)
        values (:job, :shop, :customer, :what, 1, cast(:now as timestamptz) + interval '1 minute', :detail)
        on conflict (shop, customer, job, what) do update
        set tries = s.tries + 1, detail = excluded.detail,
            retry_at = cast(:now as timestamptz)
                       + least(interval '1 day', interval '1 minute' * (2 ^ least(s.tries, 20)))
        """,
        job=job,
        now=now,
        detail=detail,
        **task._asdict(),
    )


async def lock_due(tx: Transaction, job: str, now: datetime, limit: int) -> list[Task]:
    """Tasks of the job whose pause is over, longest first; those that another process tries are left to it."""
    # Few rows at any time, in the order of their index.
    rows = await tx.fetch(
        """
        select shop, customer, what from set_aside where job = :job and retry_at <= :now
        order by retry_at limit :limit for update skip locked
        """,
        job=job,
        now=now,
        limit=limit,
    )
    return [Task(row.shop, row.customer, row.what) for row in rows]


async def remove(tx: Transaction, job: str, task: Task) -> None:
    """The task was done after all."""
    await tx.execute(
        "delete from set_aside where shop = :shop and customer = :customer and job = :job and what = :what",
        job=job,
        **task._asdict(),
    )


async def count_by_job(tx: Transaction) -> dict[str, int]:
    """How many tasks are set aside of each job; jobs without any are not named."""
    rows = await tx.fetch("select job, count(*) as tasks from set_aside group by job order by job")
    return {row.job: row.tasks for row in rows}


async def list_tasks(tx: Transaction, after: tuple[str, str, str, str], limit: int) -> Sequence[dict[str, Any]]:
    """A page of the tasks set aside, after (shop, customer, job, what), in that order."""
    rows = await tx.fetch(
        """
        select shop, customer, job, what, tries, retry_at, since, detail from set_aside
        where (shop, customer, job, what) > (:shop, :customer, :job, :what)
        order by shop, customer, job, what limit :limit
        """,
        shop=after[0],
        customer=after[1],
        job=after[2],
        what=after[3],
        limit=limit,
    )
    return [dict(row._mapping) for row in rows]


async def retry_now(tx: Transaction, job: str | None, now: datetime) -> int:
    """End the pause of every task (of one job); returns how many. The next sweep tries them."""
    return await tx.execute(
        "update set_aside set retry_at = :now where cast(:job as text) is null or job = :job", job=job, now=now
    )
