"""One aiokafka consumer from its start to its end, thrown away after the first error."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from common.bus.broker.assigning import WholeRange
from common.bus.broker.connecting import abandon_consumer, connect
from common.bus.broker.errors import BrokerUnavailable
from common.bus.broker.records import Position, Record, headers_of
from common.bus.broker.security import client_options

# A topic's max.message.bytes is 4 MiB: what the broker takes, one fetch must be able to carry (K22).
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# Upper bound of one answer, so that memory does not grow with the number of partitions (K23).
FETCH_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Membership:
    """What a consumer group's member needs to know. Times in milliseconds, as Kafka names them."""

    servers: str
    group: str
    topics: tuple[str, ...]
    client: str
    max_records: int
    session_timeout_ms: int
    heartbeat_interval_ms: int
    rebalance_timeout_ms: int
    instance: str | None


class Session:
    """One aiokafka consumer: opened once, thrown away after the first error, never mended.

    A new assignment starts held: every partition is paused until ``place`` says where to read it from, so no record
    from Kafka's own committed offset can slip through.
    """

    def __init__(self, member: Membership) -> None:
        self._inner: Any = AIOKafkaConsumer(
            **client_options(),
            bootstrap_servers=member.servers,
            client_id=member.client,
            group_id=member.group,
            group_instance_id=member.instance,
            enable_auto_commit=False,  # K2
            auto_offset_reset="none",  # K3: never a silent jump
            isolation_level="read_committed",
            max_poll_records=member.max_records,  # K13, K23
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_max_bytes=FETCH_MAX_BYTES,
            session_timeout_ms=member.session_timeout_ms,
            heartbeat_interval_ms=member.heartbeat_interval_ms,
            rebalance_timeout_ms=member.rebalance_timeout_ms,  # K13
            max_poll_interval_ms=300_000,
            request_timeout_ms=max(10_000, member.session_timeout_ms + 5_000),
            partition_assignment_strategy=(WholeRange,),  # K20: exactly one
        )
        self._topics = member.topics
        self.assigned: frozenset[Position] | None = None
        self.generation = 0
        self.changed = asyncio.Event()
        self._fetch: asyncio.Task[Any] | None = None
        self._uncommitted: dict[Position, int] = {}
        self._telling: asyncio.Task[None] | None = None
        self._telling_since = 0.0

    async def open(self, timeout_s: float) -> None:
        """Connect, and begin to join the group in the background. Raises BrokerUnavailable, also for a lost topic."""
        try:
            async with asyncio.timeout(timeout_s):
                # Without topics start() only connects; with them it would wait for the group without limit (K4).
                await connect(self._inner)
                missing = sorted(set(self._topics) - set(await self._inner.topics()))
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"cannot connect to Kafka: {error!r}") from error
        if missing:
            raise BrokerUnavailable(f"no such topic: {', '.join(missing)}; run: python -m common.bus.broker topics")
        self._inner.subscribe(topics=self._topics, listener=_Listener(self))

    def revoked(self) -> None:
        """The group is being shared out anew: what comes from now on belongs to no known position."""
        self.assigned = None
        self.generation += 1
        self._uncommitted.clear()
        self.changed.set()

    def granted(self, partitions: frozenset[Position]) -> None:
        """Hold every partition: a valid but paused position is neither looked up nor fetched."""
        for position in partitions:
            self._inner.pause(_tp(position))
            self._inner.seek(_tp(position), 0)
        self.assigned = partitions
        self.generation += 1
        self.changed.set()

    def place(self, offsets: Mapping[Position, int], *, paused: bool) -> None:
        """Read each of these partitions from its offset on; a fetch that is ready but not taken is forgotten."""
        if self._fetch is not None and self._fetch.done():
            self._forget_fetch()
        for position, offset in offsets.items():
            self._inner.seek(_tp(position), offset)
            if not paused:
                self._inner.resume(_tp(position))

    def pause(self) -> None:
        """Fetch nothing more."""
        self._inner.pause(*map(_tp, self.assigned or ()))

    def has_untaken_records(self) -> bool:
        """Whether a fetch has drained records that nobody has taken."""
        return self._fetch is not None and self._fetch.done()

    async def fetch(self, timeout_s: float, stop: asyncio.Event) -> dict[Position, list[Record]]:
        """What came in time; returns early when ``stop`` is set or the assignment changed. Raises any error.

        The call into aiokafka is a task of its own that outlives this one: aiokafka keeps no deadline in a rebalance
        (K4), and to cancel it would switch off its own protection (K5). Until it is done, it has drained nothing.
        """
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._inner.getmany(timeout_ms=int(timeout_s * 1000)))
        task = self._fetch
        self.changed.clear()
        signals = [asyncio.create_task(event.wait()) for event in (stop, self.changed)]
        try:
            await asyncio.wait({task, *signals}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for signal in signals:
                signal.cancel()
        if self._fetch is not task or not task.done():  # closed meanwhile, or nothing came
            return {}
        self._fetch = None
        if task.cancelled():  # by a task of aiokafka's own that ended: not a cancellation of ours
            raise KafkaError("the fetch ended because a task inside of aiokafka was cancelled")
        drained: Mapping[Any, Sequence[Any]] = task.result()
        return {Position(tp.topic, tp.partition): [record_of(each) for each in drained[tp]] for tp in drained}

    async def commit(self, nexts: Mapping[Position, int], wait_s: float, give_up_s: float) -> bool:
        """Tell the group how far it is; explicit offsets alone (K2). False when no answer came in ``wait_s``.

        What is not answered yet goes on in the background, and what comes meanwhile is committed with it, unawaited:
        while Kafka moves the group's coordinator, reading goes on. Raises what this commit, or an earlier one that
        nobody waited for, has raised; TimeoutError when one has had no answer for ``give_up_s``.
        """
        if self._telling is not None and self._telling.done():
            self._answered(self._telling)
        self._uncommitted.update(nexts)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())
        else:
            wait_s = 0.0
        await asyncio.wait({self._telling}, timeout=wait_s)
        if self._telling.done():
            self._answered(self._telling)
            return True
        if asyncio.get_running_loop().time() - self._telling_since > give_up_s:
            raise TimeoutError(f"a commit got no answer for {give_up_s:.0f} s")
        return False

    async def _tell(self) -> None:
        while self._uncommitted:
            nexts, self._uncommitted = self._uncommitted, {}
            self._telling_since = asyncio.get_running_loop().time()
            await self._inner.commit({_tp(position): offset for position, offset in nexts.items()})

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._telling = None
        if task.cancelled():  # by a task of aiokafka's own that ended: not a cancellation of ours
            raise KafkaError("the commit ended because a task inside of aiokafka was cancelled")
        task.result()

    async def log_bounds(self, positions: Sequence[Position]) -> tuple[dict[Position, int], dict[Position, int]]:
        """First offset kept and next offset to be written, per partition. The caller keeps the deadline."""
        return await log_bounds(self._inner, positions)

    async def caught_up(self, seen: dict[Position, int]) -> bool:
        """Whether every partition was read to its readable end in an answer later than ``seen``, which is renewed.

        The end is the last stable offset: an open transaction of somebody else is no stall. The position is
        aiokafka's, which also passes offsets that hold no record.
        """
        heard: dict[Position, int] = {}
        for position in self.assigned or ():
            tp = _tp(position)
            stable = self._inner.last_stable_offset(tp)
            end = stable if stable is not None and stable >= 0 else self._inner.highwater(tp)
            heard[position] = self._inner.last_poll_timestamp(tp) or -1
            try:
                behind = end is None or await self._inner.position(tp) < end
            except IllegalStateError:  # the assignment went away meanwhile
                return False
            if behind or heard[position] == seen.get(position, -1):
                return False
        seen.clear()
        seen.update(heard)
        return self.assigned is not None

    async def close(self, timeout_s: float) -> None:
        """Leave the group if that is possible in time (K6, K18), else drop everything. Never raises."""
        if self._fetch is not None:
            self._forget_fetch()
        if self._telling is not None:
            _forget(self._telling)
        try:
            async with asyncio.timeout(timeout_s):
                await self._inner.stop()
        except (TimeoutError, KafkaError, OSError):
            await abandon_consumer(self._inner)

    def _forget_fetch(self) -> None:
        assert self._fetch is not None
        _forget(self._fetch)
        self._fetch = None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Notes what aiokafka tells. Awaits nothing: its errors would be swallowed (K12), its waits deadlock (K10, K11)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def on_partitions_revoked(self, revoked: Any) -> None:
        self._session.revoked()

    def on_partitions_assigned(self, assigned: Any) -> None:
        self._session.granted(frozenset(Position(tp.topic, tp.partition) for tp in assigned))


async def log_bounds(inner: Any, positions: Sequence[Position]) -> tuple[dict[Position, int], dict[Position, int]]:
    """First and next offset of each partition's log."""
    partitions = [_tp(position) for position in positions]
    first, end = await inner.beginning_offsets(partitions), await inner.end_offsets(partitions)
    return {p: first[_tp(p)] for p in positions}, {p: end[_tp(p)] for p in positions}


async def probe(member: Membership, positions: Sequence[Position], timeout_s: float) -> dict[Position, int]:
    """Ask Kafka over connections of their own where the logs end. Raises BrokerUnavailable."""
    inner: Any = AIOKafkaConsumer(
        **client_options(),
        bootstrap_servers=member.servers,
        client_id=f"{member.client}-probe",
        isolation_level="read_committed",
    )
    try:
        async with asyncio.timeout(timeout_s):
            await connect(inner)
            return (await log_bounds(inner, positions))[1]
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"Kafka does not answer: {error!r}") from error
    finally:
        await abandon_consumer(inner)


def _forget(task: asyncio.Task[Any]) -> None:
    task.cancel()
    # An error of a call that nobody waits for any more is of no interest.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _tp(position: Position) -> Any:
    return TopicPartition(position.topic, position.partition)


def record_of(raw: Any) -> Record:
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers_of(raw.headers), raw.timestamp)
