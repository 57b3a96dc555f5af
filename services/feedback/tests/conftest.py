"""What the tests of feedback share: a migrated database, a runtime without a broker, its HTTP side."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio

from common.bus.broker import Reader
from common.bus.subscriptions import Batch
from common.crypto.keys import KeyRing
from common.events import Event, decode
from common.events.customers import CustomerMerged
from common.events.orders import OrderClosed, OrderCompleted, OrderLine, OrderRefunded
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Runtime
from common.process.settings import Settings
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.verification import Verification
from common.work.sweeps import WorkList, work
from feedback.jobs.asking import take_due_questions, usage_questions
from feedback.jobs.verifying import CUSTOMERS
from feedback.main import SERVICE
from feedback.surveys.links import AnswerLinks
from regulars.testing import MigratedDatabase

MASTER = bytes(range(32))
API_KEY = "test-key-of-at-least-24-characters"
MARCH = datetime(2025, 3, 1, 12, tzinfo=UTC)
PUBLIC_URL = "https://say.example.test"


def differences_into(lines: list[str]) -> Callable[[str], None]:
    """Takes what `verify` says into the list, without its progress, which a busy machine lets it say."""
    return lambda line: None if line.endswith(" so far") else lines.append(line)


class Feedback:
    """The service in process: hand it events, move its clock, sweep, look at what it announced."""

    def __init__(self, database: Database, clock: FixedClock, client: httpx.AsyncClient, keys: KeyRing) -> None:
        self.database, self.clock, self.client, self.keys = database, clock, client, keys
        self.links = AnswerLinks(MASTER, PUBLIC_URL)
        self.asking = WorkList("usage_questions", take_due_questions, usage_questions(self.links))

    async def handle(self, *events: Event[Any]) -> None:
        """As the consumer does it: one transaction, customers locked, each subscription its own types."""
        async with self.database.transaction() as tx:
            await tx.lock_customers(e.customer for e in events if e.subject is not None)
            for subscription in SERVICE.subscribed(self.keys):
                mine = [e for e in events if isinstance(e.data, subscription.types)]
                if mine:
                    await subscription.handler(tx, Batch(mine))

    async def issue_key(self, customer: str = "ann", shop: str = "s") -> None:
        async with self.database.transaction() as tx:
            await tx.lock_customers([(shop, customer)])
            await self.keys.ensure_keys(tx, [(shop, customer)])

    async def sweep(self, limit: int = 200) -> int:
        done = 0
        while True:
            async with self.database.transaction() as tx:
                rows = await work(tx, self.asking, self.clock.now(), limit) or 0
            done += rows
            if rows == 0:
                return done

    async def announced(self) -> list[Event[Any]]:
        async with self.database.transaction() as tx:
            return [decode(row.payload) for row in await tx.fetch("select payload from outbox order by seq")]

    async def verify(self) -> list[str]:
        """What does not follow from what is stored; the log is not asked."""
        lines: list[str] = []
        run = Verification(
            "feedback", self.database, partial(Reader, "unused:9092", client="tests"), MASTER, differences_into(lines)
        )
        async for _ in CUSTOMERS.pages(run):
            pass
        assert run.differences == len(lines)
        return lines

    async def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(sql, **params)]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MARCH)


@pytest_asyncio.fixture
async def feedback(database_from: MigratedDatabase, clock: FixedClock) -> AsyncIterator[Feedback]:
    async for started in _started(await database_from(SERVICE.migrations), clock):
        yield started


@pytest_asyncio.fixture
async def rebuilt(database_from: MigratedDatabase, clock: FixedClock) -> AsyncIterator[Feedback]:
    """The same on another database, empty: what a rebuild begins with."""
    async for started in _started(await database_from(SERVICE.migrations), clock):
        yield started


async def _started(url: str, clock: FixedClock) -> AsyncIterator[Feedback]:
    settings = Settings(
        database_url=url,
        kafka_bootstrap_servers="unused:9092",
        master_key=base64.b64encode(MASTER).decode(),  # type: ignore[arg-type]  # as the environment gives it
        bootstrap_api_key=API_KEY,  # type: ignore[arg-type]
        public_url=PUBLIC_URL,
    )
    database = Database(url, clock=clock, service="feedback")
    keys = KeyRing(MASTER)
    app = build_app(Runtime(SERVICE, settings, clock, database, keys, MASTER), Readiness())
    transport = httpx.ASGITransport(app)
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://feedback", headers=headers) as client:
        yield Feedback(database, clock, client, keys)
    await database.close()


async def merged(feedback: Feedback, survivor: str, absorbed: str) -> None:
    """Two customers, each with a key, turn out to be one person."""
    for customer in (survivor, absorbed):
        await feedback.issue_key(customer)
    data = CustomerMerged(survivor=survivor, absorbed=absorbed, sequence=1)
    await feedback.handle(Event(f"m-{absorbed}", "/shops/s/orders-ingest", "s", survivor, MARCH, data))


async def at_once(
    feedback: Feedback, first: Callable[[Transaction], Awaitable[Any]], second: Coroutine[Any, Any, Any]
) -> Any:
    """What comes of `second`, on another connection, which begins before the transaction of `first` has ended."""
    async with feedback.database.transaction() as tx:
        await first(tx)
        later = asyncio.create_task(second)
        await asyncio.wait({later}, timeout=0.5)
    return await later


def completed(order_id: str, days: float = 0, customer: str | None = "ann", shop: str = "s") -> Event[OrderCompleted]:
    """An order completed so many days after 1 March 2025, 12:00 UTC."""
    return Event(
        id=f"e-{order_id}",
        source=f"/shops/{shop}/shop",
        shop=shop,
        subject=customer,
        time=MARCH + timedelta(days=days),
        data=OrderCompleted(order_id=order_id, state="completed", currency="CNY", goods_paid=100),
        correlationid="c1",
    )


def closed(order_id: str, days: float, revision: int = 1, customer: str = "ann") -> Event[OrderClosed]:
    data = OrderClosed(order_id=order_id, state="closed", currency="CNY", goods_paid=100, revision=revision)
    return Event(f"x-{order_id}", "/shops/s/shop", "s", customer, MARCH + timedelta(days=days), data)


def refunded(
    order_id: str,
    days: float,
    amount: int = 100,
    customer: str = "ann",
    whole: bool = False,
    lines: tuple[OrderLine, ...] = (),
) -> Event[OrderRefunded]:
    """One refund of an order; what `completed` paid unless said otherwise."""
    refund = OrderRefunded(
        refund_id=f"r-{order_id}-{amount}", order_id=order_id, amount=amount, currency="CNY", whole=whole, lines=lines
    )
    return Event(refund.refund_id, "/shops/s/shop", "s", customer, MARCH + timedelta(days=days), refund)


def types(events: Iterable[Event[Any]]) -> list[str]:
    return [event.type for event in events]


async def twenty_at_once(ask: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """Their answers. Each asks again where the service is too busy, as a shop's backend does."""

    async def answered(number: int) -> Any:
        while (answer := await ask(number)).status_code == 503:
            pass
        return answer

    return await asyncio.gather(*(answered(number) for number in range(20)))
