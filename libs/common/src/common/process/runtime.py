"""The parts of one running process of a service, and what needs several of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from fastapi import APIRouter
from pydantic_settings import BaseSettings

from common.bus.backlog import Backlog
from common.bus.broker import Position
from common.bus.consumer import PACE_S, EventConsumer
from common.bus.relay import Relay
from common.bus.subscriptions import RawSubscription, Subscription, kept_by, topics_of
from common.crypto.keys import KeyRing
from common.crypto.sealed import Sealed, SealedColumn
from common.events import CustomerKey
from common.process.pruning import Pruner
from common.process.resealing import resealing
from common.process.settings import Settings
from common.process.uses import Uses
from common.refusals import NotNow
from common.shops.following import Follower, KnownShops
from common.storage.database import Database, Transaction
from common.storage.failures import passes
from common.time.clock import Clock, FixedClock, WallClock
from common.verification import Verification
from common.work.sweeps import Job, Sweeper, WorkList

CLOCK_S = 0.2
_DEAD = "dead-letters"
EPOCH = datetime(1990, 1, 1, tzinfo=UTC)
Part = Literal["api", "consumer", "relay", "sweeps", "sender"]
"""What of a service a process may run alone. Health, metrics and the operator's routes are served by each."""
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Copied:
    """A table, or those of its rows for which the SQL condition `where` holds.

    `claimed`: they name events (shop, source, event_id), whose claims are taken too.
    """

    table: str
    where: str = "true"
    claimed: bool = False


@dataclass(frozen=True)
class Service:
    """What makes one service differ from another; `main.py` says it and nothing else."""

    name: str
    migrations: Path
    settings: Sequence[type[BaseSettings]] = ()
    """Kinds of settings of its own, besides `Settings`: read before anything starts, so that what is wrong is said."""
    subscriptions: Sequence[Subscription] | Callable[[KeyRing], Sequence[Subscription]] = ()
    """A function where a handler needs the customers' keys."""
    read_back: Sequence[Subscription] | Callable[[KeyRing], Sequence[Subscription]] = ()
    """What a rebuild reads besides, of the service's own topics: what it announced and nobody else could say again.

    They are claimed in the inbox like any event, and may come before their cause: topics are in no order among each
    other.
    """
    raw: Callable[[Runtime, str], RawSubscription | None] | None = None
    """The reader of a topic that others write to, by the topic's name; None for any other topic."""
    routers: Sequence[APIRouter] = ()
    raw_topics: Callable[[Transaction], Awaitable[Sequence[str]]] | None = None
    """The topics that `raw` reads, as the database has them."""
    jobs: Sequence[Job | WorkList] | Callable[[Runtime], Sequence[Job | WorkList]] = ()
    background: Mapping[Part, Sequence[Callable[[Runtime], Coroutine[Any, Any, None]]]] = field(default_factory=dict)
    """What else runs for the process's life, by the part that it belongs to."""
    counters: Callable[[Transaction], Awaitable[dict[str, int]]] | None = None
    due: Callable[[Transaction, datetime], Awaitable[int]] | None = None
    keeps_claims: bool = False
    """Whether what was claimed once is known for ever, instead of for `inbox_days`."""
    revised: Callable[[Transaction, Mapping[CustomerKey, int]], Awaitable[None]] | None = None
    """In a rebuild: these are the revisions of the customers' last facts, which it keeps outside of `customers`."""
    sealed: Sequence[Sealed] = ()
    """What the master key seals in tables of its own."""
    copied: Sequence[Copied] = ()
    """What no topic tells: a rebuild takes it from the live database, in this order."""
    verify: Callable[[Verification], Awaitable[None]] | None = None
    """Compares what the service keeps; that all it has read was claimed is compared for every service alike."""
    notes: Mapping[str, Callable[[Transaction], Awaitable[str | None]]] = field(default_factory=dict)
    """Readiness notes: what an operator should know of a part that does not keep the service from working."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that the service has."""
        has = {"api", "relay", "sweeps", *self.background}
        has |= {"consumer"} if self.subscriptions or self.raw is not None else set()
        return tuple(part for part in PARTS if part in has)

    def subscribed(self, keys: KeyRing, *, rebuilding: bool = False) -> Sequence[Subscription]:
        """The subscriptions, with these keys; of a database that is being rebuilt what is read back too."""
        taken = [self.subscriptions, self.read_back] if rebuilding else [self.subscriptions]
        return [each for some in taken for each in (some(keys) if callable(some) else some)]


@dataclass
class Runtime:
    """The parts of one running process."""

    service: Service
    settings: Settings
    clock: Clock
    database: Database
    keys: KeyRing
    master: bytes
    """The founding key: what is signed or compared by it stays."""
    parts: Collection[Part] = PARTS
    """Those that this process runs, of those that the service has."""
    rebuilding: bool = False
    """It fills an empty database from the topics (`common.bus.rebuilding`)."""
    consumer: EventConsumer | None = None
    relay: Relay | None = None
    follower: Follower | None = None
    backlog: Backlog | None = field(init=False, default=None)
    """What the service has not read yet, in whichever process; None for one that reads nothing."""
    sweeper: Sweeper = field(init=False)
    pruner: Pruner = field(init=False)
    on_key_changed: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the prefix of an API key that was issued or revoked somewhere."""
    shops: KnownShops = field(init=False)
    uses: Uses = field(init=False, default_factory=Uses)
    refuses: NotNow | None = None
    """Why no request is taken: the database is not known yet, or is being rebuilt. None once all parts run."""
    waiting: int = field(init=False, default=0)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)  # the clock moved, or it is time to stop

    def __post_init__(self) -> None:
        self.shops = KnownShops(self.database)
        if self.service.subscriptions or self.service.raw_topics is not None:
            self.backlog = Backlog(
                self.database, self.read_topics, self.settings.kafka_bootstrap_servers, client=self.name
            )
        self.pruner = Pruner(self.database, self.settings, keeps_claims=self.service.keeps_claims)
        jobs = self.service.jobs
        own = jobs(self) if callable(jobs) else jobs  # a function where a job needs the master key or a setting
        all_jobs = (*own, resealing(self.sealed, self.keys.master))
        self.sweeper = Sweeper(
            self.database,
            [job for job in all_jobs if not self.rebuilding or (isinstance(job, WorkList) and job.rebuilds)],
            read_until=self.backlog.read_until if self.backlog is not None else None,
            before=self.refresh_clock,
            held=self.settings.set_clock,
        )

    async def read_topics(self) -> set[str]:
        """The topics that the service's consumer reads."""
        topics = topics_of(self.service.subscribed(self.keys, rebuilding=self.rebuilding))
        if self.service.raw_topics is not None:
            async with self.database.transaction() as tx:
                topics |= {*await self.service.raw_topics(tx)}
        return topics

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def sealed(self) -> tuple[Sealed, ...]:
        """Where what the master key sealed lies in the service's tables."""
        dead = SealedColumn("dead_events", "body", _DEAD, {"dead_id": "bigint"}, lambda dead_id: f"dead:{self.name}")
        return (dead, *self.service.sealed)

    def seal_dead(self, body: bytes) -> bytes:
        return self.keys.master.seal(_DEAD, body, aad=b"dead:" + self.name.encode())

    def open_dead(self, body: bytes) -> bytes:
        return self.keys.master.open(_DEAD, body, aad=b"dead:" + self.name.encode())

    def key_changed(self, prefix: str) -> None:
        """Tell all who keep copies of API keys."""
        for listener in self.on_key_changed:
            listener(prefix)

    async def refresh_clock(self, tx: Transaction) -> None:
        """On a set clock: take over what the operator's command stored."""
        if isinstance(self.clock, FixedClock):
            now = await tx.value("select now from clock")
            if now is not None:
                self.clock.set(now)

    async def set_clock(self, now: datetime) -> datetime:
        async with self.database.transaction() as tx:
            # Forward, never back.
            stored: datetime = await tx.value(
                """
                insert into clock (now) values (:now)
                on conflict (single) do update set now = greatest(clock.now, excluded.now) returning now
                """,
                now=now,
            )
        if isinstance(self.clock, FixedClock):
            self.clock.set(stored)
        self.woken.set()
        return stored

    async def follow_clock(self) -> None:
        """On a set clock: take over what another process of the service was told, until the process stops."""
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), CLOCK_S)
            before = self.clock.now()
            try:
                async with self.database.transaction() as tx:
                    await self.refresh_clock(tx)
            except Exception as error:
                if not passes(error):
                    raise
            if self.clock.now() != before:
                self.woken.set()

    def stop(self) -> None:
        """Tell the background works that it is time to stop; those with nothing to do wake up for it."""
        self.stopping.set()
        self.woken.set()

    async def idle(self, seconds: float) -> None:
        """For background work with nothing to do: until the clock moves, the process stops, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), seconds)
        if not self.stopping.is_set():
            self.woken.clear()

    def make_consumer(
        self, raw: Sequence[RawSubscription] = (), until: Mapping[Position, int] | None = None
    ) -> EventConsumer:
        """A consumer of the service's subscriptions and of `raw`, not started; in a rebuild it ends at `until`."""
        return EventConsumer(
            self.database,
            self.settings.kafka_bootstrap_servers,
            self.name,
            self.service.subscribed(self.keys, rebuilding=self.rebuilding),
            raw,
            seal=self.seal_dead,
            max_records=self.settings.max_batch,
            session_timeout_ms=self.settings.session_timeout_ms,
            before=self.refresh_clock if self.settings.set_clock else None,
            admit=self.shops.refused,
            ready=self.follower.reached if self.follower is not None else None,
            until=until,
            # In a replay every step waits until all is read.
            pace_s=0.0 if self.settings.set_clock else PACE_S,
        )


async def make_runtime(service: Service, settings: Settings) -> Runtime:
    """Everything but the HTTP side, not started yet, with the clock as it stands in the database."""
    runtime = build_runtime(service, settings)
    async with runtime.database.transaction() as tx:
        await runtime.refresh_clock(tx)
    return runtime


def build_runtime(
    service: Service, settings: Settings, only: Collection[Part] = PARTS, *, rebuilding: bool = False
) -> Runtime:
    """The same without a word to any server; with `only` these parts, of those that the service has.

    For a rebuild: no part of its own; its consumer is made when it is known where it ends.
    """
    clock: Clock = FixedClock(EPOCH) if settings.set_clock else WallClock()
    database = Database(
        settings.database_url,
        clock=clock,
        service=service.name,
        pool_size=settings.pool_size,
        rebuilding=rebuilding,
    )
    masters = settings.all_master_keys()
    parts = tuple(part for part in service.parts if part in only and not rebuilding)
    runtime = Runtime(service, settings, clock, database, KeyRing(masters), masters.founding, parts, rebuilding)
    folds = kept_by(service.subscribed(runtime.keys)) is not None
    runtime.follower = Follower(
        database, settings.kafka_bootstrap_servers, service.name, runtime.key_changed, folds=folds
    )
    if service.subscriptions and "consumer" in parts:
        runtime.consumer = runtime.make_consumer()
    if "relay" in parts:
        runtime.relay = Relay(database, settings.kafka_bootstrap_servers, service.name)
    return runtime
