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


async def advance(
    tx: Transaction,
    starts: Mapping[Position, int],
    nexts: Mapping[Position, int],
    first: Mapping[Position, int],
    cluster: str,
) -> None:
    """Lock the partitions' rows and move them to where the next batch starts, with everything that this one does.

    Raises Fenced when one does not stand where the batch starts; the transaction is then to be rolled back.
    `first`: where the log of each partition begins. One that was never stored stands there and nowhere else: a batch
    before this one may have failed.
    """
    positions = sorted(starts)
    topics, partitions = [p.topic for p in positions], [p.partition for p in positions]
    wanted = {"topics": topics, "partitions": partitions, "nexts": [nexts[p] for p in positions]}
    # One row a partition.
    rows = await tx.fetch(_ADVANCE, **wanted)
    if len(rows) < len(positions):
        firsts = [first[p] for p in positions]
        await tx.execute(_INSERT, topics=topics, partitions=partitions, nexts=firsts, cluster=cluster)
        known = {(row.topic, row.partition): row for row in rows}
        # Those that stood are moved already; the others stand where their logs begin, or another member left them.
        moved = await tx.fetch(_ADVANCE, **wanted)
        rows = [known.get((row.topic, row.partition), row) for row in moved]
    for row in rows:
        if row.stood != starts[Position(row.topic, row.partition)]:
            position = Position(row.topic, row.partition)
            raise Fenced(f"{position} stands at {row.stood}, the batch starts at {starts[position]}")


# Locked one after the other in the order given, by primary key whatever the plan (decision 0080).
_ADVANCE = """
update offsets o set next = w.next
from (
    select w.topic, w.partition, w.next, k.next as stood
    from unnest(cast(:topics as text[]), cast(:partitions as integer[]), cast(:nexts as bigint[]))
         as w(topic, partition, next)
    cross join lateral (
        select next from offsets o where o.topic = w.topic and o.partition = w.partition for update
    ) k
) w
where o.topic = w.topic and o.partition = w.partition
returning o.topic, o.partition, w.stood
"""
_INSERT = """
insert into offsets (topic, partition, next, cluster)
select topic, partition, next, :cluster
from unnest(cast(:topics as text[]), cast(:partitions as integer[]), cast(:nexts as bigint[]))
     as w(topic, partition, next)
order by topic, partition
on conflict do nothing
"""
