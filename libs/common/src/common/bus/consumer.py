"""The event consumer: polls, handles, and waits for what is away. One poll, one transaction; a large one, two.

What a transaction does, so that every event counts exactly once, is said in `common.bus.unit`. Then, and only then, is
Kafka told, once a second (`common.bus.progress`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal
from uuid import uuid4

import structlog

from common.bus import offsets
from common.bus.ahead import Ahead
from common.bus.broker import Batch as Polled
from common.bus.broker import Consumer, OffsetOutOfLog, Position
from common.bus.dead import Sealer, bury
from common.bus.fuse import FuseBlown
from common.bus.halving import FIRST_WAIT_S, Patience, handle
from common.bus.parts import Item, Part, before, lanes
from common.bus.parts import position as place_of
from common.bus.progress import Progress
from common.bus.reading import Admit, Reader
from common.bus.subscriptions import RawSubscription, Subscription, topics_of
from common.bus.unit import UnitOfWork
from common.events import NewerVersion
from common.refusals import Conflict
from common.storage.database import Database, Transaction
from common.storage.failures import passes

log = structlog.get_logger()
ANSWER_WITHIN_S = 5
LANES = 2
"""So many transactions at one time at most (`common.bus.parts.lanes`)."""
PACE_S = 0.05
"""A batch begins so long after the one before, unless that was full: what comes meanwhile shares one transaction."""
State = Literal["joining", "reading", "spare", "paused", "stopped"]
"""`spare`: other processes hold all partitions; `paused`: it waits for a server; `stopped`: until somebody acts."""


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
        max_records: int = 1_000,
        session_timeout_ms: int = 30_000,
        before: Callable[[Transaction], Awaitable[None]] | None = None,
        admit: Admit | None = None,
        ready: asyncio.Event | None = None,
        until: Mapping[Position, int] | None = None,
        pace_s: float = PACE_S,
    ) -> None:
        """`until`: of a rebuild, where reading ends (exclusive); it reads in a new consumer group.

        `max_records`: the most of one transaction; a poll may bring as many for each of LANES, and one by one if 1.
        """
        self._database, self._seal = database, seal
        self._reader = Reader(database, subscriptions, raw, admit)
        self._unit_of_work = UnitOfWork(database, service, subscriptions, raw, seal=seal, before=before)
        self._ahead = Ahead(database, servers, subscriptions, before)
        self._ready = ready
        self._until = until
        self._pace_s = pace_s if until is None else 0.0
        self._most = max_records
        self.blown: str | None = None
        self.outdated: str | None = None
        self._stopped_at: Item | None = None
        self.counts = self._unit_of_work.counts
        self.read = 0
        """Records read since the process started."""
        self.batches = 0
        """Polls that brought some."""
        self.at_hand = 0
        """Records of the poll that is being handled."""
        self._stopping = asyncio.Event()
        self._patience = Patience(self._stopping, max_records)
        topics = sorted(topics_of(subscriptions) | {t for r in raw for t in r.topics})
        self.broker = Consumer(
            servers,
            # Not the group of a killed rebuild, whose partitions are only shared out when its session is over.
            service if until is None else f"{service}-rebuild-{uuid4().hex}",
            topics,
            client=service,
            max_records=max_records * LANES if max_records > 1 else 1,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=max(500, session_timeout_ms // 10),
            on_assigned=self._assigned,
        )
        self._progress = Progress(database, self.broker)

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

    @property
    def state(self) -> State:
        """What it does now."""
        if self.stopped is not None:
            return "stopped"
        if self.paused is not None:
            return "paused"
        if not self.broker.joined:
            return "joining"
        return "reading" if self.broker.assigned else "spare"

    async def bury_newer(self, tx: Transaction, position: Position, offset: int) -> None:
        """Bury the event of a newer version that reading stopped at; after a restart it is passed over.

        Idempotent. Raises NotStoppedThere for any other record: nothing that can be read is thrown away.
        """
        item = self._stopped_at
        if item is None or (place_of(item.record), item.record.offset) != (position, offset):
            raise NotStoppedThere(self.outdated)
        await bury(tx, [item.died("unknown_version", str(item.newer))], self._seal, self._progress.cluster)

    # -- the loop

    async def run(self) -> None:
        """Until `stop`, or until all is read up to where a rebuild ends.

        Raises OffsetOutOfLog (loudly, never skipping) and what the watchdog gives up on.
        """
        await self._wait_until_ready()
        await self._patiently(self._read_ahead)
        await self._patiently(self.broker.start)
        wait = FIRST_WAIT_S
        while not self._stopping.is_set():
            try:
                if self._until is not None and await self._progress.reached(self._until):
                    return
                began = time.monotonic()
                read = await self.step(0.5)
                wait = FIRST_WAIT_S
                await self._gather(read, began)
            except FuseBlown as error:
                self.blown = str(error)
                log.error("fuse_blown", detail=self.blown)
                # A process of a release that can handle them may have the partitions.
                await self.broker.stop(5)
                await self._stopping.wait()
            except NewerVersion as error:
                # What a newer release writes is read by a newer release: leave it the partitions, and bury nothing.
                record = self._stopped_at.record if self._stopped_at is not None else None
                place = f" ({record.topic}/{record.partition}@{record.offset})" if record is not None else ""
                self.outdated = f"{error}{place}"
                log.error("consumer_outdated", detail=self.outdated)
                await self.broker.stop(5)
                await self._stopping.wait()
            except offsets.Fenced as error:
                log.warning("batch_dropped", reason="fenced", detail=str(error))
                await self._patiently(self._progress.seek_stored)
            except Exception as error:
                if not passes(error):
                    raise
                wait = await self._patience.mind(error, wait)
                # What was polled and not handled is read again, though nothing else may come after it.
                await self._patiently(self._progress.seek_stored)

    async def stop(self) -> None:
        """Finish the batch at hand, then leave; bounded."""
        self._stopping.set()
        await self.broker.stop(5)

    async def step(self, timeout_s: float = 0.5) -> int:
        """Take one poll and handle it; returns the number of records read. For tests and for `run`."""
        polled = await self.broker.poll(timeout_s)
        self._patience.clear()
        if polled is not None and self._until is not None:
            polled = before(polled, self._until)
        if polled is None:
            await self._progress.tell()
            return 0
        self.read += len(polled.records)
        self.batches += 1
        self.at_hand = len(polled.records)
        try:
            return await self._take(polled)
        finally:
            self.at_hand = 0

    async def _gather(self, read: int, began: float) -> None:
        """Let records gather where there were some, and fewer than a batch may have.

        Each batch costs every server the same few requests and statements, however little it holds. The first one
        after a pause waits for nothing.
        """
        left = began + self._pace_s - time.monotonic()
        if 0 < read < self._most and left > 0:
            await self._patience.wait(left)

    async def _take(self, polled: Polled) -> int:
        """Handle the poll, in two transactions at one time where it is more than one may hold.

        While one of them waits for PostgreSQL, the other one decodes and folds. Raises what either raises, once both
        have ended.
        """
        taken = await asyncio.gather(*map(self._take_lane, lanes(polled, self._most)), return_exceptions=True)
        failed = [each for each in taken if isinstance(each, BaseException)]
        for error in sorted(failed, key=lambda error: isinstance(error, Exception) and passes(error)):
            raise error
        if newer := next((each for each in taken if isinstance(each, Item)), None):
            self._stopped_at = newer
            assert newer.newer is not None
            raise newer.newer
        await self._progress.moved(polled.nexts)
        return len(polled.records)

    async def _take_lane(self, polled: Polled) -> Item | None:
        """Handle what of a poll stands before the first event of a newer version; that event if there is one."""
        items = await self._reader.read(polled.records, self._progress.cluster)
        part, newer = Part(items, dict(polled.starts), dict(polled.nexts)).before_newer()
        if not part.items and newer is None:
            await self._unit(part)  # a rebuild ends in a gap that compaction has left: the position alone moves
        elif part.items:
            await handle(part, self._unit, self._answers, self._patience)
        return newer

    async def _unit(self, part: Part) -> None:
        await self._unit_of_work.carry_out(part, self.broker.first, self._progress.cluster)

    async def _answers(self) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S), self._database.transaction() as tx:
            await tx.value("select 1")

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

    async def _read_ahead(self) -> None:
        await self._ahead.read(await self._progress.stored(), self._stopping)

    async def _assigned(self, positions: Sequence[Position]) -> Mapping[Position, int]:
        return await self._progress.of(positions)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        wait = 0.1
        while not self._stopping.is_set():
            try:
                await work()
                self._patience.clear()
                return
            except OffsetOutOfLog:
                raise
            except Exception as error:
                if not passes(error):
                    raise
                wait = await self._patience.mind(error, wait)
