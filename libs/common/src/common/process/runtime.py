"""The parts of one running process of a service, and what needs several of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic_settings import BaseSettings

from common.bus.consumer import EventConsumer
from common.bus.relay import Relay
from common.bus.subscriptions import RawSubscription, Subscription
from common.crypto.keys import KeyRing
from common.crypto.sealing import derived_key, master_key_from, open_bytes, seal_bytes
from common.process.settings import Settings
from common.shops.following import Follower, KnownShops
from common.storage.database import Database, Transaction
from common.time.clock import Clock, FixedClock, WallClock
from common.verification import Verification
from common.work.sweeps import Job, Sweeper, WorkList

EPOCH = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Service:
    """What makes one service differ from another; `main.py` says it and nothing else."""

    name: str
    migrations: Path
    settings: Sequence[type[BaseSettings]] = ()
    """Kinds of settings of its own, besides `Settings`: read before anything starts, so that what is wrong is said."""
    subscriptions: Sequence[Subscription] | Callable[[KeyRing], Sequence[Subscription]] = ()
    """A function where a handler needs the customers' keys."""
    raw: Callable[[Runtime, str], RawSubscription | None] | None = None
    """The reader of a topic that others write to, by the topic's name; None for any other topic."""
    routers: Sequence[APIRouter] = ()
    jobs: Sequence[Job | WorkList] | Callable[[Runtime], Sequence[Job | WorkList]] = ()
    background: Sequence[Callable[[Runtime], Coroutine[Any, Any, None]]] = ()
    counters: Callable[[Transaction], Awaitable[dict[str, int]]] | None = None
    due: Callable[[Transaction, datetime], Awaitable[int]] | None = None
    verify: Callable[[Verification], Awaitable[None]] | None = None
    """Compares what the service keeps; that all it has read was claimed is compared for every service alike."""
    notes: Mapping[str, Callable[[Transaction], Awaitable[str | None]]] = field(default_factory=dict)
    """Readiness notes: what an operator should know of a part that does not keep the service from working."""

    def subscribed(self, keys: KeyRing) -> Sequence[Subscription]:
        """The subscriptions, with these keys."""
        return self.subscriptions(keys) if callable(self.subscriptions) else self.subscriptions


@dataclass
class Runtime:
    """The parts of one running process."""

    service: Service
    settings: Settings
    clock: Clock
    database: Database
    keys: KeyRing
    master: bytes
    consumer: EventConsumer | None = None
    relay: Relay | None = None
    follower: Follower | None = None
    sweeper: Sweeper = field(init=False)
    on_key_changed: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the prefix of an API key that was issued or revoked somewhere."""
    shops: KnownShops = field(init=False)
    waiting: int = field(init=False, default=0)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)  # the clock moved, or it is time to stop

    def __post_init__(self) -> None:
        self.shops = KnownShops(self.database)
        self._make_sweeper()

    def _make_sweeper(self) -> None:
        jobs = self.service.jobs
        self.sweeper = Sweeper(
            self.database,
            jobs(self) if callable(jobs) else jobs,  # a function where a job needs the master key or a setting
            behind=self.consumer.behind if self.consumer else _never,
            before=self.refresh_clock,
            held=self.settings.set_clock,
        )

    @property
    def name(self) -> str:
        return self.service.name

    def seal_dead(self, body: bytes) -> bytes:
        return seal_bytes(body, derived_key(self.master, "dead-letters"), aad=b"dead:" + self.name.encode())

    def open_dead(self, body: bytes) -> bytes:
        return open_bytes(body, derived_key(self.master, "dead-letters"), aad=b"dead:" + self.name.encode())

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

    async def idle(self, seconds: float) -> None:
        """For background work with nothing to do: until the clock moves, the process stops, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), seconds)
        if not self.stopping.is_set():
            self.woken.clear()

    def make_consumer(self, raw: Sequence[RawSubscription] = ()) -> EventConsumer:
        """A consumer of the service's subscriptions and of `raw`, not started."""
        return EventConsumer(
            self.database,
            self.settings.kafka_bootstrap_servers,
            self.name,
            self.service.subscribed(self.keys),
            raw,
            seal=self.seal_dead,
            max_records=self.settings.max_batch,
            session_timeout_ms=self.settings.session_timeout_ms,
            before=self.refresh_clock if self.settings.set_clock else None,
            admit=self.shops.refused,
            ready=self.follower.reached if self.follower is not None else None,
        )


async def _never() -> bool:
    return False


async def make_runtime(service: Service, settings: Settings) -> Runtime:
    """Everything but the HTTP side, not started yet, with the clock as it stands in the database."""
    runtime = build_runtime(service, settings)
    async with runtime.database.transaction() as tx:
        await runtime.refresh_clock(tx)
    return runtime


def build_runtime(service: Service, settings: Settings) -> Runtime:
    """The same without a word to any server."""
    clock: Clock = FixedClock(EPOCH) if settings.set_clock else WallClock()
    database = Database(settings.database_url, clock=clock, service=service.name, pool_size=settings.pool_size)
    master = master_key_from(settings.master_key.get_secret_value())
    runtime = Runtime(service, settings, clock, database, KeyRing(master), master)
    runtime.follower = Follower(database, settings.kafka_bootstrap_servers, service.name, runtime.key_changed)
    if service.subscriptions:
        runtime.consumer = runtime.make_consumer()
        runtime._make_sweeper()
    runtime.relay = Relay(database, settings.kafka_bootstrap_servers, service.name)
    return runtime
