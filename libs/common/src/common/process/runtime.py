"""What is one running process of a service made of? Its parts, and what needs several of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from common.bus.broker import Record
from common.bus.consumer import Batch, EventConsumer, RawSubscription, Subscription
from common.bus.dead import publish_mended
from common.bus.inbox import claim_each
from common.bus.relay import Relay
from common.crypto.keys import KeyRing
from common.crypto.sealing import derived_key, master_key_from, open_bytes, seal_bytes
from common.events import InvalidEvent, decode
from common.http.callers import ApiKeys
from common.process.settings import Settings
from common.refusals import Conflict, Invalid
from common.shops.following import Follower, KnownShops
from common.shops.settings import SettingsNotRead, ShopNotSetUp
from common.storage.database import Database, Transaction
from common.time.clock import Clock, FixedClock, WallClock
from common.verification import Verification
from common.work.sweeps import Job, Sweeper, WorkList

EPOCH = datetime(1990, 1, 1, tzinfo=UTC)
OPEN = ("lag", "outbox", "leases", "arriving")
"""Counters of the settled check that must be 0 when nothing is on its way."""
LOOK_AGAIN_S = 0.02
SETTINGS_OWNER = "orders-ingest"
SETTINGS_WITHIN_S = 2.0
"""How long a request waits for its shop's settings, which came to orders-ingest and not yet here."""
WAITING_AT_ONCE = 50


@dataclass(frozen=True)
class Service:
    """What makes one service differ from another; `main.py` says it and nothing else."""

    name: str
    migrations: Path
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
    api_keys: ApiKeys = field(init=False)
    shops: KnownShops = field(init=False)
    waiting: int = field(init=False, default=0)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)  # the clock moved, or it is time to stop

    def __post_init__(self) -> None:
        bootstrap = self.settings.bootstrap_api_key
        self.api_keys = ApiKeys(
            self.database,
            self.master,
            bootstrap.get_secret_value() if bootstrap else None,
            rate=self.settings.rate_limit,
        )
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

    async def check_set_up(self, shop: str) -> None:
        """Raises ShopNotSetUp; SettingsNotRead where this process is known to be behind on the topic `shops`.

        Settings are set at orders-ingest and told by topic: what was set a moment ago is waited for, by some requests
        at once and not by all, so that requests for a shop that nobody sets up do not pile up.
        """
        if not await self.shops.missing({shop}):
            return
        follower = self.follower
        if follower is None or not follower.running or self.name == SETTINGS_OWNER:
            raise ShopNotSetUp(shop)
        if self.waiting < WAITING_AT_ONCE:
            self.waiting += 1
            try:
                if await self._comes(shop, follower):
                    return
            finally:
                self.waiting -= 1
        raise SettingsNotRead(shop) if follower.behind else ShopNotSetUp(shop)

    async def _comes(self, shop: str, follower: Follower) -> bool:
        deadline = time.monotonic() + SETTINGS_WITHIN_S
        while (left := deadline - time.monotonic()) > 0:
            await follower.more(left)
            if not await self.shops.missing({shop}):
                return True
        return False

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
        self.stirred.set()
        return stored

    async def idle(self, seconds: float) -> None:
        """For background work with nothing to do: until the clock moves, the process stops, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stirred.wait(), seconds)
        if not self.stopping.is_set():
            self.stirred.clear()

    async def settled(self, with_due: bool, wait_s: float = 0) -> dict[str, int]:
        """Counters, and what is open; answers when nothing is, after `wait_s` at the latest."""
        deadline = time.monotonic() + wait_s
        while True:
            found = {"read": 0, "claimed": 0, "batches": 0, "published": 0, "lag": 0}
            async with self.database.transaction() as tx:
                found["outbox"] = await tx.value(
                    "select count(*) from outbox where published_at is null and refused is null"
                )
                if self.service.counters is not None:
                    found.update(await self.service.counters(tx))
                if with_due:
                    found["due"] = await self.due(tx)
            last = time.monotonic() >= deadline
            # Kafka is asked last: what is in our own tables says more cheaply that it is too early.
            if self.consumer is not None and (last or not any(found.get(what) for what in OPEN)):
                found["lag"] = await self.consumer.lag()
                if self.follower is not None:
                    found["lag"] += await self.follower.lag()
            if last or not any(found.get(what) for what in OPEN):
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        if self.consumer is not None:
            counts = self.consumer.counts
            found |= {"read": counts.read, "claimed": counts.claimed, "batches": counts.batches}
        if self.relay is not None:
            found["published"] = self.relay.published
        return found

    async def due(self, tx: Transaction) -> int:
        now = self.clock.now()
        # Who is set aside is not due before the operator or the pause says so.
        due = int(
            await tx.value(
                """
                select count(*) from customers c where due_at <= :now
                and not exists (select from set_aside s where s.shop = c.shop and s.customer = c.customer)
                """,
                now=now,
            )
        )
        return due + (await self.service.due(tx, now) if self.service.due is not None else 0)

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
            shops=self.shops,
            ready=self.follower.reached if self.follower is not None else None,
        )

    async def take_again(self, tx: Transaction, topic: str, raw: bytes) -> str:
        """A dead event, mended or not, as if it had come in time; new|duplicate, the latter when it counted before.

        What is new is published on the service's own topic like any command: the log holds the dead one alone. An
        intake topic's events go through the doors of orders-ingest, which publish what they take.

        Raises a Refusal when it still cannot be taken.
        """
        reader = self.service.raw(self, topic) if self.service.raw is not None else None
        if reader is not None:
            taken = await reader.handler(tx, [Record(topic, -1, -1, None, raw, {}, 0)])
            for dead in taken.dead:
                raise Invalid(dead.slug, f"The event still cannot be taken: {dead.detail}")
            return "new" if taken.fresh else "duplicate"
        try:
            event = decode(raw)
        except InvalidEvent as error:
            raise Invalid(error.slug, f"The event still cannot be read: {error}") from None
        takers = [s for s in self.service.subscribed(self.keys) if isinstance(event.data, s.types)]
        if not takers:
            raise Invalid(
                "not_subscribed", f"{self.name} takes no {event.type} from {topic}: send it where its kind goes."
            )
        if await self.shops.missing({event.shop}):
            raise ShopNotSetUp(event.shop)
        outcome = (await claim_each(tx, [(event, raw)]))[0]
        if outcome == "conflict":
            raise Conflict("same_id_other_body", "This id has counted already with another body: give it a new id.")
        if outcome == "new":
            if event.subject is not None:
                await tx.lock_customers([event.customer])
            # Before what it causes, so that a rebuild, which reads this topic too, finds both in this order.
            await publish_mended(tx, event, raw)
            for subscription in takers:
                await subscription.handler(tx, Batch([event]))
        return outcome


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
    runtime.follower = Follower(
        database, settings.kafka_bootstrap_servers, service.name, lambda prefix: runtime.api_keys.forget(prefix)
    )
    if service.subscriptions:
        runtime.consumer = runtime.make_consumer()
        runtime._make_sweeper()
    runtime.relay = Relay(database, settings.kafka_bootstrap_servers, service.name)
    return runtime
