"""Consumer-group member that reads from the offsets in the database, with a deadline on every call."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
)

from common.bus.broker.errors import BrokerUnavailable, NoProgress, OffsetOutOfLog
from common.bus.broker.records import Batch, Position, Record
from common.bus.broker.session import Membership, Session, probe
from common.bus.broker.topics import cluster_id

log = logging.getLogger(__name__)
T = TypeVar("T")
OnAssigned = Callable[[Sequence[Position]], Awaitable[Mapping[Position, int]]]

CALL_TIMEOUT_S = 10.0
# Kafka takes some 3 s to move a group's coordinator; nobody waits for a commit that long, since none is ever read.
COMMIT_WAIT_S, COMMIT_TIMEOUT_S = 1.0, 30.0
REJECTED_COMMITS, REJECTED_WITHIN_S = 3, 60.0
# After a change of leader the end of a log may be reported too low for a moment: look again before stopping loudly.
OUT_OF_LOG_LOOKS, OUT_OF_LOG_PAUSE_S = 5, 1.0


class Consumer:
    """Member of a consumer group that reads batches. It never commits by itself, and every call has a deadline.

    Kafka's own committed offsets are written, never read: each assignment asks ``on_assigned`` for the positions (the
    database's rows; a partition that is missing there is read from its first record). One task may call it at a time,
    except ``stop`` and the counters. When poll raises BrokerUnavailable, wait a moment and call it again.
    """

    def __init__(
        self,
        servers: str,
        group: str,
        topics: Sequence[str],
        *,
        client: str,
        on_assigned: OnAssigned,
        max_records: int = 500,
        session_timeout_ms: int = 30_000,
        heartbeat_interval_ms: int = 3_000,
        rebalance_timeout_ms: int = 60_000,
        group_instance_id: str | None = None,
        watchdog_s: float = 60.0,
    ) -> None:
        self._member = Membership(
            servers,
            group,
            tuple(topics),
            client,
            max_records,
            session_timeout_ms,
            heartbeat_interval_ms,
            rebalance_timeout_ms,
            group_instance_id,
        )
        self._on_assigned = on_assigned
        self._watchdog_s = watchdog_s
        self._stop = asyncio.Event()
        self._session: Session | None = None
        self._placed = -1
        self._generation = 0
        self._next: dict[Position, int] = {}
        self.first: dict[Position, int] = {}
        """Where the log of each partition began when it was assigned; not 0 where retention has cut it."""
        self._paused = False
        self._closing: set[asyncio.Task[None]] = set()
        self._rejected: deque[float] = deque(maxlen=REJECTED_COMMITS)
        self._sessions = 0
        self._cluster_id: str | None = None
        self._seen: dict[Position, int] = {}
        self._stalled_s = 0.0
        self._strikes = 0
        self._progress_at = time.monotonic()

    @property
    def assigned(self) -> frozenset[Position]:
        """Partitions held now; empty while the group is being shared out."""
        return (self._session.assigned if self._session else None) or frozenset()

    @property
    def joined(self) -> bool:
        """Whether the group has given this member its share, which may be none."""
        return self._session is not None and self._session.assigned is not None

    @property
    def recreated(self) -> int:
        """How often the inner consumer was thrown away and made anew."""
        return max(0, self._sessions - 1)

    @property
    def seconds_since_progress(self) -> float:
        """Since the last batch, or since Kafka last confirmed that there was nothing more to read."""
        return time.monotonic() - self._progress_at

    async def start(self) -> None:
        """Connect and begin to join. Raises BrokerUnavailable; poll would connect as well."""
        await self._open()

    async def poll(self, timeout_s: float = 0.5) -> Batch | None:
        """The next records, or None when none came in time, the group is being shared out, or ``stop`` was called.

        Raises BrokerUnavailable (wait, call again), OffsetOutOfLog and NoProgress (end the process), and whatever
        ``on_assigned`` raises; after each of them the next call begins with a new inner consumer.
        """
        began = time.monotonic()
        batch: Batch | None = None
        try:
            while batch is None and not self._stop.is_set():
                session = await self._unless_stopped(self._ready())
                left = began + timeout_s - time.monotonic()
                if session is None or left <= 0:
                    break
                batch = self._taken(session, await self._fetch(session, left))
            await self._watch(time.monotonic() - began, progress=batch is not None)
        except Exception as error:
            self._drop(error)
            raise
        return batch

    async def seek(self, offsets: Mapping[Position, int]) -> None:
        """Read these partitions from these offsets on; those not held are passed over. Takes effect at once."""
        session = self._session
        if session is None or self._placed != session.generation:
            return
        self._next.update({p: offset for p, offset in offsets.items() if p in self._next})
        # A fetch that is ready but was not taken goes with it: all partitions return to their own next position.
        session.place(self._next, paused=self._paused)

    async def commit(self, nexts: Mapping[Position, int]) -> bool:
        """Tell Kafka how far the group is, for its tools to see. False when refused, or not answered within 1 s.

        Either is harmless; what has no answer goes on in the background. After three refusals in 60 s, or no answer
        within 30 s, the inner consumer is made anew.
        """
        session = self._session
        if session is None or not nexts or not set(nexts) <= self.assigned:
            return False
        try:
            return await session.commit(nexts, COMMIT_WAIT_S, COMMIT_TIMEOUT_S)
        except (CommitFailedError, IllegalStateError) as error:
            self._rejected.append(time.monotonic())
            if len(self._rejected) == REJECTED_COMMITS and self._rejected[-1] - self._rejected[0] < REJECTED_WITHIN_S:
                self._rejected.clear()
                self._drop(error)
            return False
        except (TimeoutError, KafkaError, OSError) as error:
            self._drop(error)
            return False

    async def pause(self) -> None:
        """Take no more records, through every assignment to come; keep calling poll, to stay in the group (K14)."""
        self._paused = True
        if self._session is not None:
            self._session.pause()
            if self._session.has_untaken_records():
                await self.seek({})

    async def resume(self) -> None:
        """Take records again, each partition from where it stood."""
        self._paused = False
        await self.seek({})

    async def cluster_id(self) -> str:
        """Which cluster this is; asked anew after every reconnection. Raises BrokerUnavailable."""
        if self._cluster_id is None:
            self._cluster_id = await cluster_id(self._member.servers, CALL_TIMEOUT_S)
        return self._cluster_id

    async def stop(self, timeout_s: float = 5) -> None:
        """Leave the group within the time, or just go. A poll that waits returns None. Idempotent, never raises."""
        self._stop.set()
        self._drop(None, timeout_s)
        if self._closing:
            await asyncio.wait(self._closing, timeout=timeout_s + 2)

    async def _open(self) -> Session:
        if self._session is None:
            session = Session(self._member)
            try:
                await session.open(CALL_TIMEOUT_S)
            except BaseException:
                self._close(session, 1.0)
                raise
            self._session, self._placed, self._cluster_id = session, -1, None
            self._sessions += 1
        return self._session

    async def _ready(self) -> Session:
        """A session that stands, in every partition it holds, where the database says."""
        session = await self._open()
        while session.assigned is not None and self._placed != session.generation:
            generation, positions = session.generation, sorted(session.assigned)
            stored = await self._on_assigned(positions)
            first, end = await self._log_bounds(session, positions)
            offsets = {p: stored.get(p, first[p]) for p in positions}
            if any(not first[p] <= offset <= end[p] for p, offset in offsets.items()):
                await self._confirm_in_log(offsets)
            if session.generation == generation:
                session.place(offsets, paused=self._paused)
                self._next, self._placed, self.first = offsets, generation, dict(first)
                self._generation += 1
        return session

    async def _fetch(self, session: Session, timeout_s: float) -> Mapping[Position, list[Record]]:
        """What came in time. Every error of aiokafka's ends this inner consumer: it may have lost records (K1, K19)."""
        try:
            return await session.fetch(timeout_s, self._stop)
        except OffsetOutOfRangeError as error:
            stood = dict(self._next)
            self._drop(error)
            # Another look decides: OffsetOutOfLog when it is true, otherwise reading goes on where it stood.
            await self._confirm_in_log(stood)
            return {}
        except ConsumerStoppedError as error:
            if self._stop.is_set():
                return {}  # a fetch that began while `stop` was closing it
            raise BrokerUnavailable(f"reading from Kafka failed: {error!r}") from error
        except (KafkaError, OSError, AssertionError) as error:
            raise BrokerUnavailable(f"reading from Kafka failed: {error!r}") from error

    def _taken(self, session: Session, fetched: Mapping[Position, list[Record]]) -> Batch | None:
        """Make a batch of what was fetched, unless it comes from an assignment whose positions are not ours."""
        if not fetched or self._placed != session.generation:
            return None
        starts = {p: self._next[p] for p in sorted(fetched)}
        nexts = {p: fetched[p][-1].offset + 1 for p in starts}
        if any(fetched[p][0].offset < start for p, start in starts.items()):
            raise AssertionError("aiokafka returned a record from before the position asked for")
        self._next.update(nexts)
        return Batch([each for p in starts for each in fetched[p]], starts, nexts, self._generation)

    async def _log_bounds(
        self, session: Session, positions: Sequence[Position]
    ) -> tuple[dict[Position, int], dict[Position, int]]:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await session.log_bounds(positions)
        except (TimeoutError, KafkaError, OSError) as error:
            raise BrokerUnavailable(f"Kafka does not say where its logs begin and end: {error!r}") from error

    async def _confirm_in_log(self, offsets: Mapping[Position, int]) -> None:
        """Return when all offsets lie within their logs after all. Raises OffsetOutOfLog after 5 looks."""
        for _ in range(OUT_OF_LOG_LOOKS):
            first, end = await self._log_bounds(await self._open(), sorted(offsets))
            wrong = [p for p, offset in sorted(offsets.items()) if not first[p] <= offset <= end[p]]
            if not wrong or self._stop.is_set():
                return
            await asyncio.sleep(OUT_OF_LOG_PAUSE_S)
        said = "; ".join(f"{p}: position {offsets[p]}, log {first[p]} to {end[p]}" for p in wrong)
        raise OffsetOutOfLog(
            f"group {self._member.group} cannot go on: {said}. Records were deleted, or this is another or a "
            "restored cluster: set the stored offsets by hand, or rebuild the service from the log"
        )

    async def _watch(self, polled_s: float, *, progress: bool) -> None:
        """Make the inner consumer anew when it brings nothing though Kafka answers; the second time, give up (K15)."""
        session = self._session
        if session is None or self._stop.is_set():
            return
        if progress or (self._paused and session.assigned is not None) or await session.caught_up(self._seen):
            self._stalled_s, self._progress_at = 0.0, time.monotonic()
            self._strikes = 0
            return
        # Only time spent polling counts, so that a slow handler is no stall.
        self._stalled_s += polled_s
        # While the group is shared out, one member that is at work may rightly hold up all for so long.
        patience = 0.0 if session.assigned is not None else self._member.rebalance_timeout_ms / 1000
        if self._stalled_s < self._watchdog_s + patience:
            return
        self._stalled_s = 0.0
        # If Kafka itself is away, this raises BrokerUnavailable, and it is no fault of the consumer's.
        await probe(self._member, sorted(self._next), CALL_TIMEOUT_S)
        self._strikes += 1
        stalled = NoProgress(f"Kafka answers, but the consumer of {self._member.group} has brought nothing for long")
        if self._strikes >= 2:
            raise stalled
        self._drop(stalled)

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of the work, or None as soon as ``stop`` is called."""
        task, stopped = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            stopped.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=1)

    def _drop(self, reason: BaseException | None, timeout_s: float = 2.0) -> None:
        """Throw the inner consumer away; the next poll makes a new one."""
        session, self._session = self._session, None
        if session is not None:
            if reason is not None:
                log.warning("consumer of %s is made anew: %r", self._member.group, reason)
            self._placed, self._next = -1, {}
            self._close(session, timeout_s)

    def _close(self, session: Session, timeout_s: float) -> None:
        task = asyncio.create_task(session.close(timeout_s))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
