"""The mark of a database that is being filled from the topics, beside the live one; nothing goes out of it meanwhile.

While it bears the mark `serve` waits, so no request is taken and nothing is decided or sent, and the relay publishes
nothing (docs/decisions/0013). One process at a time is at it; another one that takes over ends the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from common.bus.broker import Position
from common.storage.columns import Columns
from common.storage.database import Transaction

_ENDS = Columns("w", topic="text", partition="integer", at="bigint")


class TakenOver(Exception):
    """Another process goes on with the rebuild, or has ended it."""

    def __init__(self) -> None:
        super().__init__("another process goes on with this rebuild, or has ended it")


async def is_rebuilding(tx: Transaction) -> bool:
    """Whether the database is being rebuilt."""
    # One row or none.
    return bool(await tx.value("select exists (select from rebuilding)"))


async def begin(tx: Transaction, worker: UUID) -> None:
    """Mark the database, or take over a rebuild that was begun."""
    # The one row.
    await tx.execute(
        "insert into rebuilding (worker) values (:worker) on conflict (single) do update set worker = excluded.worker",
        worker=worker,
    )


async def hold(tx: Transaction, worker: UUID) -> None:
    """Until the commit nobody else is at it. Raises TakenOver."""
    if not await tx.value("select true from rebuilding where worker = :worker for update", worker=worker):
        raise TakenOver


async def note_until(tx: Transaction, ends: Mapping[Position, int]) -> None:
    """Read at least up to these offsets (exclusive); what was noted before never moves back."""
    await tx.execute(
        f"""
        insert into rebuilding_until as u (topic, partition, until) select topic, partition, at from {_ENDS}
        on conflict (topic, partition) do update set until = greatest(u.until, excluded.until)
        """,
        **_ENDS.of((p.topic, p.partition, at) for p, at in ends.items()),
    )


async def untils(tx: Transaction) -> dict[Position, int]:
    """Where reading ends, of every partition: the first offset that is not read."""
    # Some rows a topic.
    rows = await tx.fetch("select topic, partition, until from rebuilding_until")
    return {Position(r.topic, r.partition): int(r.until) for r in rows}


async def announced(tx: Transaction, topic: str) -> dict[Position, int]:
    """Of an own topic: up to which offset (exclusive) its facts are noted."""
    rows = await tx.fetch("select topic, partition, announced from rebuilding_until where topic = :topic", topic=topic)
    return {Position(r.topic, r.partition): int(r.announced) for r in rows}


async def save_announced(tx: Transaction, nexts: Mapping[Position, int]) -> None:
    """In the transaction that notes the facts before these offsets."""
    await tx.execute(
        f"""
        update rebuilding_until u set announced = w.at from {_ENDS}
        where u.topic = w.topic and u.partition = w.partition
        """,
        **_ENDS.of((p.topic, p.partition, at) for p, at in nexts.items()),
    )


async def end(tx: Transaction) -> None:
    """From the commit on the database is the service's own: it is served, and its facts are published."""
    for table in ("rebuilt_facts", "announced_facts", "rebuilding_until", "rebuilding"):
        await tx.execute(f"truncate {table}")
