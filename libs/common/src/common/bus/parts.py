"""Parts of a poll: lanes by partition number, records merged by time, and halved by log position."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from common.bus.broker import Batch, Position, Record
from common.bus.dead import DeadRecord
from common.events import Event, NewerVersion

_FIRST = (datetime.min.replace(tzinfo=UTC), 0, "", "")


@dataclass(slots=True)
class Item:
    """One record and what was made of it: an event to handle, a dead one, one for a raw handler, or none of ours."""

    record: Record
    event: Event[Any] | None = None
    dead: DeadRecord | None = None
    raw: bool = False
    newer: NewerVersion | None = None

    def died(self, slug: str, detail: str) -> DeadRecord:
        event, record = self.event, self.record
        if event is None:
            shop, _, customer = (record.key or b"").decode("utf-8", "replace").partition("/")
            return DeadRecord(record, slug, detail, shop or None, subject=customer or None)
        return DeadRecord(record, slug, detail, event.shop, event.source, event.id, event.type, event.subject)


@dataclass(slots=True)
class Part:
    """A prefix of what is left of each of its partitions, with the offsets it starts and ends at."""

    items: list[Item]
    starts: dict[Position, int]
    nexts: dict[Position, int]

    def halves(self) -> Iterator[Part]:
        """Two parts by log position; the second starts where the first ends."""
        return iter(self.split(len(self.items) // 2))

    def split(self, middle: int) -> tuple[Part, Part]:
        """The first `middle` items and the rest."""
        first, second = self.items[:middle], self.items[middle:]
        ends = {position(i.record): i.record.offset + 1 for i in first}
        rest = {position(i.record) for i in second}
        return Part(
            first, {p: self.starts[p] for p in ends}, {p: ends[p] if p in rest else self.nexts[p] for p in ends}
        ), Part(
            second,
            {p: ends.get(p, self.starts[p]) for p in self.nexts if p in rest or p not in ends},
            {p: n for p, n in self.nexts.items() if p in rest or p not in ends},
        )

    def before_newer(self) -> tuple[Part, Item | None]:
        """What stands before the first event of a version newer than ours, and that event if there is one."""
        for number, item in enumerate(self.items):
            if item.newer is not None:
                return self.split(number)[0], item
        return self, None


def before(polled: Batch, until: Mapping[Position, int]) -> Batch | None:
    """What of the poll stands before these offsets, and moves no position beyond them; None where nothing does."""
    starts = {p: start for p, start in polled.starts.items() if start < until.get(p, 0)}
    records = [r for r in polled.records if position(r) in starts and r.offset < until[position(r)]]
    nexts = {p: min(polled.nexts[p], until[p]) for p in starts}
    return Batch(records, starts, nexts, polled.generation) if starts else None


def lanes(polled: Batch, most: int) -> list[Batch]:
    """The poll in two parts of about as many records each, by partition number; whole where it has at most so many.

    All that concerns a customer is in one partition number, so two parts concern different customers, as those of two
    processes do, and may be handled at one time. A partition without a record has its position moved all the same.
    """
    if len(polled.records) <= most:
        return [polled]
    counts = Counter({p.partition: 0 for p in polled.starts})
    counts.update(record.partition for record in polled.records)
    numbers: tuple[set[int], set[int]] = set(), set()
    sizes = [0, 0]
    for number, count in counts.most_common():
        lane = 0 if sizes[0] <= sizes[1] else 1
        numbers[lane].add(number)
        sizes[lane] += count
    return [
        Batch(
            [record for record in polled.records if record.partition in lane],
            {p: start for p, start in polled.starts.items() if p.partition in lane},
            {p: end for p, end in polled.nexts.items() if p.partition in lane},
            polled.generation,
        )
        for lane in numbers
        if lane
    ]


def position(record: Record) -> Position:
    return Position(record.topic, record.partition)


def merged(items: Sequence[Item]) -> list[Item]:
    """The items by time across partitions, each partition in its own order.

    So events that were written in order to two topics are in order here, and none of them is folded as late.
    """
    queues: dict[Position, list[Item]] = {}
    for item in items:
        queues.setdefault(position(item.record), []).append(item)
    if len(queues) < 2:
        return list(items)
    return [item for _, item in heapq.merge(*map(_keyed, queues.values()), key=itemgetter(0))]


def _keyed(queue: Sequence[Item]) -> Iterator[tuple[tuple[datetime, int, str, str], Item]]:
    """Each with the latest order key up to it: what is late in its own partition goes with what stands before it."""
    latest = _FIRST
    for item in queue:
        if item.event is not None:
            latest = max(latest, item.event.order_key)
        yield latest, item
