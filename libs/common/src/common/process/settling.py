"""The settled check: counters of one process and of its service's database, and what is still on its way."""

from __future__ import annotations

import asyncio
import time

from common.process.runtime import Runtime
from common.refusals import Conflict
from common.storage.database import Transaction

OPEN = ("lag", "outbox", "leases", "arriving")
"""Counters of the settled check that must be 0 when nothing is on its way."""
LOOK_AGAIN_S = 0.02


class ConsumerStopped(Conflict):
    """Nothing settles here before somebody acts."""

    def __init__(self, why: str) -> None:
        super().__init__("consumer_stopped", f"This service reads no events until an operator acts. {why}")


async def settled(runtime: Runtime, with_due: bool, wait_s: float = 0) -> dict[str, int]:
    """Counters, and what is open; answers when nothing is, after `wait_s` at the latest.

    Raises ConsumerStopped where reading waits for an operator.
    """
    deadline = time.monotonic() + wait_s
    while True:
        if runtime.consumer is not None and runtime.consumer.stopped is not None:
            raise ConsumerStopped(runtime.consumer.stopped)
        found = {"read": 0, "claimed": 0, "batches": 0, "published": 0, "lag": 0}
        async with runtime.database.transaction() as tx:
            found["outbox"] = await tx.value(
                """
                select (select count(*) from outbox where published_at is null and refused is null)
                     + (select count(*) from republishing)
                """
            )
            if runtime.service.counters is not None:
                found.update(await runtime.service.counters(tx))
            if with_due:
                found["due"] = await due(runtime, tx)
            # What other processes of the service have read and announced shows here alone.
            found["stored"] = int(await tx.value("select coalesce(sum(next), 0) from offsets"))
            found["announced"] = int(await tx.value(LAST_ANNOUNCED) or 0)
        last = time.monotonic() >= deadline
        # Kafka is asked last: what is in our own tables says more cheaply that it is too early.
        if runtime.backlog is not None and (last or not any(found.get(what) for what in OPEN)):
            found["lag"] = await runtime.backlog.lag()
            if runtime.follower is not None:
                found["lag"] += await runtime.follower.lag()
        if last or not any(found.get(what) for what in OPEN):
            break
        await asyncio.sleep(LOOK_AGAIN_S)
    if runtime.consumer is not None:
        consumer = runtime.consumer
        found |= {"read": consumer.read, "claimed": consumer.counts.claimed, "batches": consumer.batches}
    if runtime.relay is not None:
        found["published"] = runtime.relay.published
    return found


# The last number drawn for a fact; null before the first.
LAST_ANNOUNCED = "select pg_sequence_last_value(cast(pg_get_serial_sequence('outbox', 'seq') as regclass))"


async def due(runtime: Runtime, tx: Transaction) -> int:
    now = runtime.clock.now()
    # Who is set aside is not due before the operator or the pause says so.
    rows = int(
        await tx.value(
            """
            select count(*) from customers c where due_at <= :now
            and not exists (select from set_aside s where s.shop = c.shop and s.customer = c.customer)
            """,
            now=now,
        )
    )
    return rows + (await runtime.service.due(tx, now) if runtime.service.due is not None else 0)
