"""The event consumer: every event counts exactly once. One poll, one transaction.

The order within it: lock the offset rows and drop the batch if it was not read from them;
claim in the inbox; lock the customers; let the handlers fold, save and announce; store the next offsets; commit.
Then, and only then, commit to Kafka.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from common.bus import offsets
from common.bus.broker import Consumer, OffsetOutOfLog, Position, Record
from common.bus.dead import MENDED, Sealer, bury, list_buried
from common.bus.fuse import RAW, Fuse, FuseBlown
from common.bus.halving import FIRST_WAIT_S, HANDLER_FAILED, Patience, handle
from common.bus.inbox import claim_each
from common.bus.parts import Item, Part, merged
from common.bus.parts import position as place_of
from common.bus.subscriptions import Batch, RawSubscription, Subscription
from common.events import Event, InvalidEvent, NewerVersion, decode
from common.events.topics import own_topic
from common.metrics import EVENT_AGE
from common.refusals import Conflict, Refusal
from common.storage.database import Database, Transaction
from common.storage.failures import passes

log = structlog.get_logger()
ANSWER_WITHIN_S = 5
MANY = 1_000
"""Unread records, two full polls of them: who has that many is catching up."""
Admit = Callable[[set[str]], Awaitable[Mapping[str, Refusal]]]
"""Those of the shops whose events cannot be taken, and why; it may wait a moment for them to become known."""


@dataclass(slots=True)
class Counts:
    """What this process has done since it started; read by metrics and the settled check."""

    read: int = 0
    claimed: int = 0
    duplicates: int = 0
    dead: int = 0
    batches: int = 0
    late: int = 0
    by_type: dict[str, int] = field(default_factory=dict)


class NotStoppedThere(Conflict):
    """Reading did not stop at the record that is named."""

    def __init__(self, stopped: str | None) -> None:
        super().__init__(
            "not_stopped_there",
            f"This process stopped: {stopped}." if stopped else "This process has not stopped at an event.",
        )


class EventConsumer:
    """Reads, counts exactly once, and goes on reading, until stopped."""

    def __init__(
        self,
        database: Database,
        servers: str,
        service: str,
        subscriptions: Sequence[Subscription],
        raw: Sequence[RawSubscription] = (),
        *,
        seal: Sealer,
        max_records: int = 500,
        session_timeout_ms: int = 30_000,
        before: Callable[[Transaction], Awaitable[None]] | None = None,
        admit: Admit | None = None,
        ready: asyncio.Event | None = None,
    ) -> None:
        self._database = database
        self._subscriptions = tuple(subscriptions)
        self._raw = tuple(raw)
        self._types = {t.TYPE: t for s in subscriptions for t in s.types}
        self._raw_topics = {t for r in raw for t in r.topics}
        self._seal = seal
        self._before = before
        self._admit = admit
        self._ready = ready
        self._cluster: str | None = None
        self._fuse = Fuse()
        self.blown: str | None = None
        self.outdated: str | None = None
        self._stopped_at: Item | None = None
        self.counts = Counts()
        self._age = EVENT_AGE.labels(database.service)
        self._stopping = asyncio.Event()
        self._patience = Patience(self._stopping)
        self._last_record_ms = 0
        topics = sorted({t.TOPIC for t in self._types.values()} | self._raw_topics)
        self.broker = Consumer(
            servers,
            service,
            topics,
            client=service,
            max_records=max_records,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=max(500, session_timeout_ms // 10),
            on_assigned=self._assigned,
        )

    @property
    def paused(self) -> str | None:
        """What the consumer waits for; None while it works."""
        return self._patience.reason

    @property
    def stopped(self) -> str | None:
        """Why nothing is read any more until somebody acts; None while it is not so."""
        if self.blown is not None:
            return f"fuse blown: {self.blown}"
        return f"stopped: {self.outdated}" if self.outdated is not None else None

    async def bury_newer(self, tx: Transaction, position: Position, offset: int) -> None:
        """Bury the event of a newer version that reading stopped at; after a restart it is passed over.

        Idempotent. Raises NotStoppedThere for any other record: nothing that can be read is thrown away.
        """
        item = self._stopped_at
        if item is None or (place_of(item.record), item.record.offset) != (position, offset):
            raise NotStoppedThere(self.outdated)
        await bury(tx, [item.died("unknown_version", str(item.newer))], self._seal, self._cluster or "")

    # -- the loop

    async def run(self) -> None:
        """Until `stop`. Raises OffsetOutOfLog (loudly, never skipping) and what the watchdog gives up on."""
        await self._wait_until_ready()
        await self._patiently(self.broker.start)
        wait = FIRST_WAIT_S
        while not self._stopping.is_set():
            try:
                await self.step(0.5)
                wait = FIRST_WAIT_S
            except FuseBlown as error:
                self.blown = str(error)
                log.error("fuse_blown", detail=self.blown)
                await self._stopping.wait()
            except NewerVersion as error:
                # What a newer release writes is read by a newer release: leave it the partitions, and bury nothing.
                record = self._stopped_at.record if self._stopped_at is not None else None
                place = f" ({record.topic}/{record.partition}@{record.offset})" if record is not None else ""
                self.outdated = f"{error}{place}"
                log.error("consumer_outdated", detail=self.outdated)
                await self.broker.stop(5)
                await self._stopping.wait()
            except offsets.Fenced:
                log.warning("batch_dropped", reason="fenced")
                await self._patiently(self._seek_stored)
            except Exception as error:
                if not passes(error):
                    raise
                wait = await self._patience.mind(error, wait)

    async def stop(self) -> None:
        """Finish the batch at hand, then leave; bounded."""
        self._stopping.set()
        await self.broker.stop(5)

    async def step(self, timeout_s: float = 0.5) -> int:
        """Take one poll and handle it; returns the number of records read. For tests and for `run`."""
        polled = await self.broker.poll(timeout_s)
        self._patience.reason = None
        if polled is None:
            return 0
        self.counts.read += len(polled.records)
        self.counts.batches += 1
        items = merged([self._item(r) for r in polled.records])
        await self._refuse_shops(items)
        await self._pass_over_buried(items)
        part, newer = Part(items, dict(polled.starts), dict(polled.nexts)).before_newer()
        if part.items:
            await handle(part, self._unit, self._answers, self._patience)
        if newer is not None and newer.newer is not None:
            self._stopped_at = newer
            raise newer.newer
        self._last_record_ms = max(r.timestamp_ms for r in polled.records)
        await self.broker.commit(polled.nexts)
        return len(polled.records)

    async def _answers(self) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S), self._database.transaction() as tx:
            await tx.value("select 1")

    async def _unit(self, part: Part) -> None:
        async with self._database.transaction() as tx:
            if self._before is not None:
                await self._before(tx)
            await offsets.fence(tx, part.starts, self._cluster or "")
            dead = [i.dead for i in part.items if i.dead]
            live = [i for i in part.items if i.event is not None and i.dead is None]
            raw = [i.record for i in part.items if i.raw and i.dead is None]
            failed = [self._kind(i) for i in part.items if i.dead and i.dead.slug == HANDLER_FAILED]
            outcomes = await claim_each(tx, [(i.event, i.record.value or b"") for i in live if i.event])
            fresh: list[Event[Any]] = []
            for item, outcome in zip(live, outcomes, strict=True):
                if outcome == "new" and item.event:
                    fresh.append(item.event)
                elif outcome == "conflict":
                    dead.append(item.died("same_id_other_body", "this id was used before for another body"))
            counted = len(fresh)
            self._fuse.check(failed)
            await tx.lock_customers(e.customer for e in fresh if e.subject is not None)
            for subscription in self._subscriptions:
                mine = [e for e in fresh if isinstance(e.data, subscription.types)]
                if mine:
                    await subscription.handler(tx, Batch(mine))
            for reader in self._raw:
                records = [r for r in raw if r.topic in reader.topics]
                if records:
                    taken = await reader.handler(tx, records)
                    dead.extend(taken.dead)
                    counted += taken.fresh
            await bury(tx, dead, self._seal, self._cluster or "")
            await offsets.store(tx, part.nexts)
        self._fuse.count(failed, [e.type for e in fresh] + [RAW] * bool(raw))
        self.counts.claimed += counted
        self.counts.duplicates += outcomes.count("duplicate")
        self.counts.dead += len(dead)
        self.counts.late += tx.late
        now = self._database.clock.now()
        for event in fresh:
            self._age.observe(max(0.0, (now - event.time).total_seconds()))
            self.counts.by_type[event.type] = self.counts.by_type.get(event.type, 0) + 1

    # -- reading

    def _item(self, record: Record) -> Item:
        item = Item(record)
        if record.topic in self._raw_topics:
            item.raw = True
            return item
        kind = record.headers.get("type", b"").decode("utf-8", "replace")
        if kind and kind not in self._types and not self._is_mended(record, kind):
            return item  # not subscribed to: skipped without decoding
        try:
            event = decode(record.value or b"")
            if event.type in self._types:
                if record.key is not None and record.key.decode("utf-8", "replace") != event.key:
                    raise InvalidEvent("wrong_key", f"the record's key must be {event.key!r}")
                item.event = event
        except NewerVersion as error:
            item.newer = error
        except InvalidEvent as error:
            item.dead = item.died(error.slug, str(error))
        return item

    def _is_mended(self, record: Record, kind: str) -> bool:
        """A dead event that was mended here stands on the service's own topic, for a rebuild to find."""
        return kind == MENDED and record.topic == own_topic(self._database.service)

    def _kind(self, item: Item) -> str:
        return item.event.type if item.event is not None else RAW

    async def _refuse_shops(self, items: Sequence[Item]) -> None:
        """Events of shops that are not admitted are dead; the rest goes on."""
        if self._admit is None:
            return
        refused = await self._admit({item.event.shop for item in items if item.event is not None})
        for item in items:
            if item.event is not None and (refusal := refused.get(item.event.shop)) is not None:
                item.dead = item.died(refusal.slug, refusal.detail)

    async def _pass_over_buried(self, items: Sequence[Item]) -> None:
        """An event of a newer version that an operator buried stops nobody."""
        newer = [item for item in items if item.newer is not None]
        if not newer:
            return
        async with self._database.transaction() as tx:
            buried = await list_buried(tx, [item.record for item in newer], self._cluster or "")
        for item in newer:
            if item.record in buried:
                item.newer = None

    # -- patience

    async def _wait_until_ready(self) -> None:
        """Until what events are judged by was read, or `stop` is called."""
        if self._ready is None:
            return
        waits = [asyncio.create_task(event.wait()) for event in (self._ready, self._stopping)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _assigned(self, positions: Sequence[Position]) -> Mapping[Position, int]:
        """Where the database says these partitions stand; one that was never read is left out (its first record)."""
        self._cluster = await self.broker.cluster_id()
        async with self._database.transaction() as tx:
            stored = await offsets.stored(tx, self._cluster)
        return {p: stored[p] for p in positions if p in stored}

    async def _seek_stored(self) -> None:
        await self.broker.seek(await self._assigned(list(self.broker.assigned)))

    async def lag(self) -> int:
        """Records in the log that are not in the database yet, by the database's offsets; 1 while nothing is held."""
        ends = await self.broker.end_offsets()
        if not ends:
            return 1
        async with self._database.transaction() as tx:
            stored = await offsets.stored(tx)
        return sum(max(0, end - stored.get(p, self.broker.first.get(p, 0))) for p, end in ends.items())

    async def behind(self) -> bool:
        """Whether a sweep would work on old states: more than `MANY` records wait, or any, a minute after the last.

        A member who was advanced to now is folded anew with every older order that still comes: a history that is
        imported into a running stack took several times as long when sweeps ran between its batches.
        """
        lag = await self.lag()
        return lag > MANY or (lag > 0 and time.time() * 1000 - self._last_record_ms > 60_000)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        wait = 0.1
        while not self._stopping.is_set():
            try:
                await work()
                self._patience.reason = None
                return
            except OffsetOutOfLog:
                raise
            except Exception as error:
                if not passes(error):
                    raise
                wait = await self._patience.mind(error, wait)
