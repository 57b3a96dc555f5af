"""Inputs against the topics they came from: whatever a service has read and subscribes to was claimed or is dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import orjson

from common.bus import offsets
from common.bus.broker import Record
from common.bus.dead import MENDED
from common.bus.inbox import key_of
from common.bus.subscriptions import Subscription
from common.verification.log import Log
from common.verification.run import Verification

PAGE = 2_000


class _Named(NamedTuple):
    """A record by what its event is claimed by; the rest of it is read of those alone that were not claimed."""

    topic: str
    record: Record
    type: str
    shop: str
    key: UUID

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.record.partition}@{self.record.offset}"


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

    async def count(page: Sequence[_Named]) -> None:
        unclaimed = await _unclaimed(run, page)
        for each in page:
            missing = each.place in unclaimed
            if missing and log.fact(each.topic, each.record) is None:
                continue  # nobody can read it, so nobody claims it
            if missing and each.record.timestamp_ms < forgotten_ms:
                forgotten[each.topic] += 1
                continue
            kind = wanted[each.type], each.type, each.shop
            announced[kind] += 1
            counted[kind] += not missing
        run.count("events of the topics it reads", len(page))

    try:
        waiting = list[_Named]()
        async for topic, records in log.records(until=read):
            waiting += [n for r in records if log.is_ours(topic, r) and (n := _named(topic, r, wanted)) is not None]
            if len(waiting) >= PAGE:
                await count(waiting)
                waiting = []
        await count(waiting)
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


def _named(topic: str, record: Record, wanted: Collection[str]) -> _Named | None:
    """None for what no consumer of these types takes."""
    kind = record.headers.get("type", b"").decode(errors="replace")
    if record.value is None or (kind and kind not in wanted and kind != MENDED):
        return None
    try:
        body = orjson.loads(record.value)
        name = body["shop"], body["source"], body["id"]
        return _Named(topic, record, body["type"], body["shop"], key_of(name)) if body["type"] in wanted else None
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return None  # no event


async def _unclaimed(run: Verification, page: Sequence[_Named]) -> set[str]:
    """The places of events that were neither claimed nor put among the dead."""
    async with run.database.transaction() as tx:
        # By the claims' primary key; of the few that are left, the dead by where they stood.
        rows = await tx.fetch(
            """
            select w.place from unnest(cast(:places as text[]), cast(:keys as uuid[])) as w(place, key)
            where not exists (select from inbox i where i.key = w.key)
              and not exists (select from history h where h.key = w.key)
            """,
            places=[each.place for each in page],
            keys=[each.key for each in page],
        )
        left = {row.place for row in rows}
        if left:
            buried = [each for each in page if each.place in left]
            dead = await tx.fetch(
                """
                select d.topic, d.partition, d."offset"
                from unnest(cast(:topics as text[]), cast(:partitions as integer[]), cast(:offsets as bigint[]))
                     as w(topic, partition, "offset")
                join offsets o on o.topic = w.topic and o.partition = w.partition
                join dead_events d on d.cluster = o.cluster and d.topic = w.topic and d.partition = w.partition
                     and d."offset" = w."offset"
                """,
                topics=[each.topic for each in buried],
                partitions=[each.record.partition for each in buried],
                offsets=[each.record.offset for each in buried],
            )
            left -= {f"{row.topic}-{row.partition}@{row.offset}" for row in dead}
    return left
