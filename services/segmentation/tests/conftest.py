"""What the tests of segmentation share: events, a shop and a migrated database."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events import Event
from common.events.activity import ProductViewed
from common.events.customers import CustomerRegistered
from common.events.membership import MemberEnrolled
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded
from common.http import health
from common.http.app import build_app
from common.process.runtime import Runtime, make_runtime
from common.process.settings import Settings
from common.storage.database import Database
from common.time.clock import FixedClock
from regulars.testing import MigratedDatabase
from segmentation.fold import CLAIMED
from segmentation.handlers import on_inputs, on_members
from segmentation.main import SERVICE

KEY = "rk_operator_" + "k" * 40
NOW = datetime(2025, 3, 20, 4, tzinfo=UTC)
MIGRATIONS = Path(__file__).parents[1] / "migrations"


class Events:
    """Makes events of one shop; a time is an aware datetime or ISO text in the shop's zone, Asia/Shanghai."""

    shop = "tea"

    def __init__(self) -> None:
        self._count = 0

    def make(self, customer: str | None, at: str | datetime, data: Any, event_id: str | None = None) -> Event[Any]:
        self._count += 1
        time = at if isinstance(at, datetime) else datetime.fromisoformat(f"{at}+08:00")
        return Event(
            event_id or f"e{self._count}",
            f"/shops/{self.shop}/web",
            self.shop,
            customer,
            time.astimezone(UTC),
            data,
            partitionkey="" if customer else "anonymous",
        )

    def completed(
        self, customer: str | None, at: str | datetime, paid: int = 10_000, order: str | None = None, **more: Any
    ) -> Event[Any]:
        order_id = order or f"o{self._count}"
        data = OrderCompleted(
            order_id=order_id, state="completed", currency=more.pop("currency", "CNY"), goods_paid=paid, **more
        )
        return self.make(customer, at, data)

    def paid(self, customer: str, at: str | datetime, order: str) -> Event[Any]:
        return self.make(customer, at, OrderPaid(order_id=order, state="paid", currency="CNY", goods_paid=10_000))

    def closed(self, customer: str | None, at: str | datetime, order: str, **more: Any) -> Event[Any]:
        return self.make(
            customer, at, OrderClosed(order_id=order, state="closed", currency="CNY", goods_paid=0, **more)
        )

    def refunded(
        self, customer: str | None, at: str | datetime, order: str | None, amount: int, currency: str = "CNY"
    ) -> Event[Any]:
        data = OrderRefunded(refund_id=f"r{self._count}", order_id=order, amount=amount, currency=currency)
        return self.make(customer, at, data)

    def viewed(self, customer: str, at: str | datetime) -> Event[Any]:
        return self.make(customer, at, ProductViewed(sku="green"))

    def registered(self, customer: str, at: str | datetime) -> Event[Any]:
        return self.make(customer, at, CustomerRegistered())


@pytest.fixture(scope="session")
def events() -> Events:
    """For the whole run, so that property tests may use it; every event and order has a name of its own."""
    return Events()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2025, 1, 1, tzinfo=UTC))


@pytest_asyncio.fixture
async def new_db(database_from: MigratedDatabase, clock: FixedClock) -> AsyncIterator[Callable[[], Any]]:
    """Factory of migrated databases on the test's clock."""
    made: list[Database] = []

    async def make() -> Database:
        made.append(Database(await database_from(MIGRATIONS), clock=clock, service="segmentation"))
        return made[-1]

    yield make
    for database in made:
        await database.close()


@pytest_asyncio.fixture
async def db(new_db: Callable[[], Any]) -> Database:
    database: Database = await new_db()
    return database


@pytest_asyncio.fixture
async def runtime(database_from: MigratedDatabase, events: Any) -> AsyncIterator[Runtime]:
    """The service without a bus, at noon of 20 March 2025 in Shanghai, over a shop with five customers."""
    settings = Settings(
        database_url=await database_from(SERVICE.migrations),
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key=SecretStr(base64.b64encode(b"m" * 32).decode()),
        bootstrap_api_key=SecretStr(KEY),
        set_clock=True,
    )
    made = await make_runtime(replace(SERVICE, subscriptions=()), settings)
    await made.set_clock(NOW)
    async with made.database.transaction() as tx:
        await on_inputs(tx, Batch(await claim(tx, [(e, e.encode()) for e in _history(events)], CLAIMED)))
        enrolled = events.make("c1", NOW, MemberEnrolled(enrolled_at=NOW, tier="Regular"))
        enrolled = replace(enrolled, source=f"/shops/{events.shop}/membership")
        await claim(tx, [(enrolled, enrolled.encode())])
        await on_members(tx, Batch([enrolled]))
    await made.sweeper.sweep()
    yield made
    await made.database.close()


@pytest_asyncio.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(runtime, health.Readiness()))
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        yield http


def _history(events: Any) -> list[Any]:
    return [
        events.registered("p1", "2025-01-01T10:00"),
        events.viewed("n1", "2025-01-01T10:00"),
        events.completed("c1", "2025-01-15T10:00", 15_000, order="a"),
        events.completed("c2", "2025-01-15T10:00", 15_000, order="b"),
        events.completed("c2", "2025-02-14T10:00", 9_000, order="c"),
        events.refunded("c2", "2025-02-16T10:00", "c", 2_000),
        events.completed("c3", "2025-03-01T10:00", 500, order="d"),
    ]
