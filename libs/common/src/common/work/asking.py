"""One question before a round of sweeps: in which work lists may anything be due at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from common.storage.database import Transaction


async def ask(tx: Transaction, conditions: Mapping[str, str], now: datetime) -> set[str]:
    """The jobs whose condition holds at `now`, or of whom a task that was set aside is to be tried again.

    A condition is SQL over the service's tables that may name `:now`. It holds wherever something is due; it may hold
    where nothing is, at the cost of a turn that finds nothing.
    """
    if not conditions:
        return set()
    columns = [
        f"({condition}) or exists (select from set_aside where job = :job{n} and retry_at <= :now) as asked{n}"
        for n, condition in enumerate(conditions.values())
    ]
    # One statement for all of them: an empty turn of each costs a transaction and two to six statements.
    row = await tx.fetch_one(
        f"select {', '.join(columns)}", now=now, **{f"job{n}": job for n, job in enumerate(conditions)}
    )
    return {job for job, due in zip(conditions, row or (), strict=True) if due}
