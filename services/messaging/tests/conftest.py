"""What the tests of messaging share: a migrated database, a clock that is set, and events that are fed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from pydantic import SecretStr

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.crypto.keys import KeyRing
from common.crypto.sealing import new_key, seal, wrap
from common.events import Event, EventData
from common.events.customers import ConsentChanged, CustomerRegistered, KeyIssued
from common.events.membership import OfferSet, TierChanged
from common.events.orders import OrderShipped
from common.http import health
from common.http.app import build_app
from common.process.runtime import Runtime
from common.process.settings import Settings
from common.storage.database import Database
from common.time.clock import Clock, FixedClock
from messaging.channels.smtp.channel import SmtpChannel
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.consent.links import UnsubscribeLinks
from messaging.decisions.store import lock_due_customers
from messaging.delivery.worker.desk import Sender
from messaging.jobs.deciding import decide_due
from messaging.jobs.sending import sender_of
from messaging.jobs.verifying import TOPICS
from messaging.main import SERVICE
from regulars.stack.mailsink import MailSink
from regulars.testing import MigratedDatabase, OwnTopics, TopicsOfOwn

MIGRATIONS = Path(__file__).parents[1] / "migrations"
MASTER = base64.b64decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
API_KEY = "an-operators-key-of-enough-length"
TUESDAY_TEN = datetime(2025, 3, 4, 2, tzinfo=UTC)
"""10:00 in Shanghai, inside the morning window."""


class SteppedClock:
    """Stands still like a replay's clock, but is none: what is due is decided at its `now`, as on the wall clock."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


@dataclass
class Messaging:
    """The service's parts on one database, driven step by step."""

    database: Database
    clock: Any
    keys: KeyRing = field(default_factory=lambda: KeyRing(MASTER))
    links: UnsubscribeLinks = field(default_factory=lambda: UnsubscribeLinks(MASTER, "https://shop.example"))

    data_keys: dict[str, bytes] = field(default_factory=dict)
    fed: list[Event[Any]] = field(default_factory=list)

    @property
    def master(self) -> bytes:
        return MASTER

    @property
    def replay(self) -> bool:
        return isinstance(self.clock, FixedClock)

    def runtime(self) -> Runtime:
        """What a process of the service runs by, on this database and clock."""
        settings = Settings(
            database_url="postgresql://unused/x",
            kafka_bootstrap_servers="unused:1",
            master_key=SecretStr(base64.b64encode(MASTER).decode()),
            bootstrap_api_key=SecretStr(API_KEY),
            public_url="https://shop.example",
        )
        return Runtime(SERVICE, settings, self.clock, self.database, self.keys, MASTER)

    def client(self) -> httpx.AsyncClient:
        """Its HTTP side, in process, with the operator's key."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(build_app(self.runtime(), health.Readiness())),
            base_url="https://shop.example",
            headers={"authorization": f"Bearer {API_KEY}"},
        )

    async def feed(self, *events: Event[Any]) -> None:
        """One batch through inbox, locks and handlers, as the consumer does it; a rebuild reads our own facts too."""
        self.fed += events
        async with self.database.transaction() as tx:
            fresh = await claim(tx, [(e, e.encode()) for e in events])
            await tx.lock_customers(e.customer for e in fresh if e.subject is not None)
            for subscription in SERVICE.subscribed(self.keys, rebuilding=self.database.rebuilding):
                taken = [e for e in fresh if isinstance(e.data, subscription.types)]
                if taken:
                    await subscription.handler(tx, Batch(taken))

    async def decide(self, limit: int = 200) -> int:
        """Bites until nothing is due."""
        total = 0
        while True:
            async with self.database.transaction() as tx:
                keys = await lock_due_customers(tx, self.clock.now(), limit)
                done = await decide_due(tx, self.clock.now(), keys, replay=self.replay)
            total += done
            if done == 0:
                return total

    def sender(self, port: int, **options: Any) -> Sender:
        channel = SmtpChannel(SmtpServer("127.0.0.1", port))
        return sender_of(self.database, self.keys, self.links, channel, **options)

    async def rows(self, sql: str, **params: Any) -> Sequence[Any]:
        async with self.database.transaction() as tx:
            return [tuple(r) for r in await tx.fetch(sql, **params)]

    async def outcomes(self) -> list[tuple[str, str]]:
        """(outcome, reason) of every candidate, sorted."""
        return sorted(await self.rows("select outcome, reason from candidates"))

    def event(self, data: EventData, id: str, at: datetime = TUESDAY_TEN, *, customer: str | None = "c1") -> Event[Any]:
        return Event(id=id, source="/shops/s/test", shop="s", subject=customer, time=at, data=data)

    def offer(self, name: str, *, days: int = 300, needs_coupons: bool = True) -> Event[Any]:
        """The shop has set an offer, which holds so many days."""
        at = self.clock.now()
        data = OfferSet(offer_id=name, starts=at, ends=at + timedelta(days=days), needs_coupons=needs_coupons)
        return self.event(data, f"offer-{name}", at, customer=None)

    def known(
        self,
        customer: str = "c1",
        *,
        email: str | None = None,
        consent: bool = True,
        at: datetime = TUESDAY_TEN,
        revision: int = 1,
        **profile: Any,
    ) -> list[Event[Any]]:
        """A customer with a key, sealed contact data, and consent to e-mail for both purposes, since the day before."""
        key, before = self.data_keys.setdefault(customer, new_key()), at - timedelta(days=1)
        sealed: dict[str, Any] = {
            "email": seal(email or f"{customer}@example.test", key, "k1", "s", customer, "email"),
            "name": seal(f"Name of {customer}", key, "k1", "s", customer, "name"),
        }
        made: list[EventData] = [
            KeyIssued(key_id="k1", wrapped=wrap(MASTER, key, "s", customer)),
            CustomerRegistered(revision=revision, **sealed, **profile),
        ]
        if consent:
            made += [
                ConsentChanged(channel="email", purpose="marketing", granted=True),
                ConsentChanged(channel="email", purpose="survey", granted=True),
            ]
        return [
            self.event(data, f"{customer}-known-{revision}-{n}", before, customer=customer)
            for n, data in enumerate(made)
        ]

    def tier_up(self, number: int, at: datetime = TUESDAY_TEN, *, customer: str = "c1") -> Event[Any]:
        """An upgrade, to the same tier each time, so that none makes another obsolete."""
        data = TierChanged(old="Senior", new="VIP", direction="up", reason="upgrade", revision=number)
        return self.event(data, f"{customer}-tier-{number}", at, customer=customer)

    def notice(self, order_id: str, at: datetime = TUESDAY_TEN, *, customer: str = "c1") -> Event[Any]:
        data = OrderShipped(order_id=order_id, state="shipped", currency="CNY", goods_paid=100)
        return self.event(data, f"{customer}-{order_id}-shipped", at, customer=customer)


async def _started(url: str, clock: Clock, *, rebuilding: bool = False) -> AsyncIterator[Messaging]:
    database = Database(url, clock=clock, service="messaging", pool_size=20, rebuilding=rebuilding)
    yield Messaging(database, clock)
    await database.close()


@pytest_asyncio.fixture
async def messaging(database_from: MigratedDatabase) -> AsyncIterator[Messaging]:
    """On a clock like the one on the wall, at Tuesday 10:00 in Shanghai."""
    async for started in _started(await database_from(MIGRATIONS), SteppedClock(TUESDAY_TEN)):
        yield started


@pytest_asyncio.fixture
async def rebuilt(database_from: MigratedDatabase) -> AsyncIterator[Messaging]:
    """The same on another database, empty, as a rebuild fills it."""
    async for started in _started(await database_from(MIGRATIONS), SteppedClock(TUESDAY_TEN), rebuilding=True):
        yield started


@pytest_asyncio.fixture
async def replayed(database_from: MigratedDatabase) -> AsyncIterator[Messaging]:
    """On a replay's set clock, at Tuesday 10:00 in Shanghai."""
    async for started in _started(await database_from(MIGRATIONS), FixedClock(TUESDAY_TEN)):
        yield started


@pytest_asyncio.fixture
async def connection(mailsink: MailSink) -> AsyncIterator[SmtpConnection]:
    """To the mail server that keeps what it takes."""
    made = SmtpConnection(SmtpServer("127.0.0.1", mailsink.port))
    yield made
    await made.close()


@pytest_asyncio.fixture
async def topics(topics_of_own: TopicsOfOwn) -> OwnTopics:
    """What `verify` reads, each a topic of the test's own."""
    return await topics_of_own(*TOPICS)
