"""Offsets in the service's own database: rows that fence a zombie member and survive the loss of Kafka's own."""

from __future__ import annotations

from collections.abc import Mapping

from common.bus.broker import OffsetOutOfLog, Position
from common.storage.database import Transaction


class Fenced(Exception):
    """The batch was not read from the stored position: another member, or an earlier try, was there first."""


async def stored(tx: Transaction, cluster: str | None = None) -> dict[Position, int]:
    """The next offset to read of every partition that was ever read.

    Raises OffsetOutOfLog when the rows belong to another Kafka cluster than `cluster`, where one is named.
    """
    rows = await tx.fetch("select topic, partition, next, cluster from offsets")
    for row in rows:
        if cluster is not None and row.cluster != cluster:
            raise OffsetOutOfLog(
                f"the stored offsets belong to Kafka cluster {row.cluster}, this one is {cluster}: point the "
                "service at the right cluster, or rebuild it into an empty database"
            )
    return {Position(r.topic, r.partition): int(r.next) for r in rows}


async def fence(tx: Transaction, starts: Mapping[Position, int], first: Mapping[Position, int], cluster: str) -> None:
    """Lock the partitions' rows. Raises Fenced when one does not stand where the batch starts.

    `first`: where the log of each partition begins. One that was never stored stands there and nowhere else: a batch
    before this one may have failed.
    """
    positions = sorted(starts, key=lambda p: (p.topic, p.partition))
    topics, partitions = [p.topic for p in positions], [p.partition for p in positions]
    # One row a partition.
    rows = await tx.fetch(_LOCK, topics=topics, partitions=partitions)
    if len(rows) < len(positions):
        nexts = [first[p] for p in positions]
        await tx.execute(_INSERT, topics=topics, partitions=partitions, nexts=nexts, cluster=cluster)
        rows = await tx.fetch(_LOCK, topics=topics, partitions=partitions)
    for row in rows:
        if row.next != starts[Position(row.topic, row.partition)]:
            position = Position(row.topic, row.partition)
            raise Fenced(f"{position} stands at {row.next}, the batch starts at {starts[position]}")


async def store(tx: Transaction, nexts: Mapping[Position, int]) -> None:
    """Where the next batch starts; in the same transaction as everything this one did."""
    await tx.execute(
        _STORE,
        topics=[p.topic for p in nexts],
        partitions=[p.partition for p in nexts],
        nexts=list(nexts.values()),
    )


_LOCK = """
select o.topic, o.partition, o.next
from unnest(cast(:topics as text[]), cast(:partitions as integer[])) as w(topic, partition)
join offsets o on o.topic = w.topic and o.partition = w.partition
order by o.topic, o.partition
for update of o
"""
_INSERT = """
insert into offsets (topic, partition, next, cluster)
select topic, partition, next, :cluster
from unnest(cast(:topics as text[]), cast(:partitions as integer[]), cast(:nexts as bigint[]))
     as w(topic, partition, next)
order by topic, partition
on conflict do nothing
"""
_STORE = """
update offsets o set next = n.next
from unnest(cast(:topics as text[]), cast(:partitions as integer[]), cast(:nexts as bigint[]))
     as n(topic, partition, next)
where o.topic = n.topic and o.partition = n.partition
"""
