"""Inputs against the topics they came from: whatever a service has read and subscribes to was claimed or is dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from common.bus import offsets
from common.bus.inbox import key_of
from common.bus.subscriptions import Subscription
from common.verification.log import PAGE, Fact, Log
from common.verification.run import Verification


async def compare_claims(run: Verification, subscriptions: Sequence[Subscription]) -> None:
    """Count what the topics hold of each type and shop up to where the service has read, and what of it was claimed.

    The offsets are read first: all before them was claimed in a transaction that has ended. Repetitions in the log
    count once for each place; the totals are of events that are in the log, not of names. What was written to the log
    before claims were forgotten, and is folded by nobody, cannot be told any more, and is said to be so.
    """
    wanted = {kind.TYPE: kind.TOPIC for each in subscriptions for kind in each.types}
    async with run.database.transaction() as tx:
        read = await offsets.stored(tx)
        before = await tx.value("select before from forgotten")
    forgotten_ms = before.timestamp() * 1000 if before is not None else 0
    forgotten: Counter[str] = Counter()
    log = Log(run, sorted(set(wanted.values())))
    announced: Counter[tuple[str, str, str]] = Counter()
    counted: Counter[tuple[str, str, str]] = Counter()
    try:
        async for facts in log.read(until=read):
            mine = [fact for fact in facts if fact.body["type"] in wanted]
            for start in range(0, len(mine), PAGE):
                page = mine[start : start + PAGE]
                missing = await _unclaimed(run, page)
                for fact in page:
                    if fact.place in missing and fact.written_ms < forgotten_ms:
                        forgotten[fact.topic] += 1
                        continue
                    kind = wanted[fact.body["type"]], fact.body["type"], fact.body["shop"]
                    announced[kind] += 1
                    counted[kind] += fact.place not in missing
                run.count("events of the topics it reads", len(page))
    finally:
        await log.close()
    for topic in log.topics:
        kinds = [kind for kind in announced if kind[0] == topic]
        types, shops = {kind[1] for kind in kinds}, {kind[2] for kind in kinds}
        there, here = sum(announced[kind] for kind in kinds), sum(counted[kind] for kind in kinds)
        run.say(f"{topic}: {there:,} events to take (types: {len(types)}, shops: {len(shops)}), {here:,} counted")
        if forgotten[topic]:
            run.say(f"{topic}: {forgotten[topic]:,} events more are older than the claims that are kept (INBOX_DAYS)")
    for (topic, type_, shop), number in sorted(announced.items()):
        if counted[topic, type_, shop] != number:
            run.differ(
                f"{topic} holds {number:,} {type_} of {shop} up to where it was read,"
                f" {counted[topic, type_, shop]:,} of them counted"
            )


async def _unclaimed(run: Verification, page: Sequence[Fact]) -> set[str]:
    """The places of events that were neither claimed nor put among the dead."""
    async with run.database.transaction() as tx:
        # By the claims' primary key; of the few that are left, the dead by where they stood.
        rows = await tx.fetch(
            """
            select w.place from unnest(cast(:places as text[]), cast(:keys as uuid[])) as w(place, key)
            where not exists (select from inbox i where i.key = w.key)
              and not exists (select from history h where h.key = w.key)
            """,
            places=[fact.place for fact in page],
            keys=[key_of((fact.body["shop"], fact.body["source"], fact.body["id"])) for fact in page],
        )
        left = {row.place for row in rows}
        if left:
            buried = [fact for fact in page if fact.place in left]
            dead = await tx.fetch(
                """
                select d.topic, d.partition, d."offset"
                from unnest(cast(:topics as text[]), cast(:partitions as integer[]), cast(:offsets as bigint[]))
                     as w(topic, partition, "offset")
                join offsets o on o.topic = w.topic and o.partition = w.partition
                join dead_events d on d.cluster = o.cluster and d.topic = w.topic and d.partition = w.partition
                     and d."offset" = w."offset"
                """,
                topics=[fact.topic for fact in buried],
                partitions=[fact.partition for fact in buried],
                offsets=[fact.offset for fact in buried],
            )
            left -= {f"{row.topic}-{row.partition}@{row.offset}" for row in dead}
    return left
