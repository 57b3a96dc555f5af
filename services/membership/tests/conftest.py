"""What the tests of membership share: a shop's events, delivery as from the bus, a migrated database."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from common.bus.inbox import claim_each
from common.bus.subscriptions import Batch
from common.crypto.keys import KeyRing
from common.events import Event
from common.events.feedback import ReviewSubmitted
from common.events.membership import ActivityJoined, MemberCheckedIn, MemberRegistered
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded
from common.http import health
from common.http.app import build_app
from common.process.runtime import make_runtime
from common.process.settings import Settings
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.work.sweeps import WorkList, work
from membership.fold import KEPT
from membership.handlers import SUBSCRIPTIONS
from membership.jobs.balancing import job as balance_job
from membership.jobs.sweeping import JOBS, long_histories
from membership.main import SERVICE
from regulars.testing import MigratedDatabase

MIGRATIONS = Path(__file__).parents[1] / "migrations"
KEY = "rk_operator_" + "k" * 40
NOW = datetime(2025, 3, 20, 4, tzinfo=UTC)
V1 = "/v1/shops/tea"
START = datetime(2024, 1, 10, 4, tzinfo=UTC)
MakeDatabase = Callable[[], Awaitable[Database]]


class Shop:
    """Makes the events of one shop and delivers them."""

    name = "tea"

    def __init__(self) -> None:
        self._count = 0

    def event(self, customer: str | None, at: datetime, data: Any) -> Event[Any]:
        self._count += 1
        return Event(
            f"e{self._count}",
            f"/shops/{self.name}/web",
            self.name,
            customer,
            at,
            data,
            partitionkey="" if customer else "nobody",
        )

    def completed(self, customer: str | None, at: datetime, order: str, goods: int, **more: Any) -> Event[Any]:
        data = OrderCompleted(order_id=order, state="completed", currency="CNY", goods_paid=goods, **more)
        return self.event(customer, at, data)

    def paid(self, customer: str, at: datetime, order: str, goods: int, **more: Any) -> Event[Any]:
        return self.event(
            customer, at, OrderPaid(order_id=order, state="paid", currency="CNY", goods_paid=goods, **more)
        )

    def refunded(self, customer: str, at: datetime, order: str | None, amount: int) -> Event[Any]:
        self._count += 1
        data = OrderRefunded(refund_id=f"f{self._count}", order_id=order, amount=amount, currency="CNY")
        return self.event(customer, at, data)

    def history(self, customers: int, seed: int) -> list[Event[Any]]:
        """Two years of a few customers, shuffled a little: most events in order, some late, refunds before orders."""
        draw, found = random.Random(seed), list[Event[Any]]()
        for c in range(customers):
            name = f"c{c}"
            for o in range(draw.randint(1, 7)):
                at, order = START + timedelta(hours=draw.randint(0, 17_000)), f"{name}-{o}"
                goods = draw.choice([9_990, 30_000, 60_000, 210_000])
                found.append(self.paid(name, at, order, goods))
                later = at + timedelta(days=draw.randint(1, 9))
                if draw.random() < 0.1:
                    closed = OrderClosed(order_id=order, state="closed", currency="CNY", goods_paid=goods)
                    found.append(self.event(name, later, closed))
                else:
                    found.append(self.completed(name, later, order, goods))
                if draw.random() < 0.4:
                    found.append(self.refunded(name, at + timedelta(days=draw.randint(-1, 60)), order, goods // 3))
            if draw.random() < 0.2:
                found.append(self.event(name, START + timedelta(hours=draw.randint(0, 9_000)), MemberRegistered()))
            for d in range(draw.randint(0, 3)):
                activity = draw.choice(
                    [
                        MemberCheckedIn(),
                        ActivityJoined(activity_id=f"{name}-{d}"),
                        ReviewSubmitted(review_id=f"{name}-{d}", stars=4),
                    ]
                )
                found.append(self.event(name, START + timedelta(hours=draw.randint(0, 17_000)), activity))
        found.append(self.completed(None, START, "nobodys", 10_000))
        return sorted(found, key=lambda e: e.time + timedelta(days=draw.choice([0, 0, 0, 0, 40, 200])))


ENTRY_COLUMNS = ("shop", "customer", "cause", "named", "correction", "occurred_at", "legs")
"""What an entry of the ledger says, but its number and when it was recorded."""


async def deliver(db: Database, events: Sequence[Event[Any]], size: int = 500) -> int:
    """Handle the events as the consumer does, in batches of that size; returns how many were new."""
    new = 0
    for start in range(0, len(events), size):
        part = events[start : start + size]
        async with db.transaction() as tx:
            outcomes = await claim_each(tx, [(e, e.encode()) for e in part], KEPT)
            fresh = [e for e, outcome in zip(part, outcomes, strict=True) if outcome == "new"]
            new += len(fresh)
            await tx.lock_customers(e.customer for e in fresh if e.subject is not None)
            for subscription in SUBSCRIPTIONS:
                mine = [e for e in fresh if isinstance(e.data, subscription.types)]
                if mine:
                    await subscription.handler(tx, Batch(mine))
    return new


async def at_once(
    db: Database, first: Callable[[Transaction], Awaitable[Any]], second: Coroutine[Any, Any, Any]
) -> Any:
    """What comes of `second`, on another connection, which begins before the transaction of `first` has ended."""
    async with db.transaction() as tx:
        await first(tx)
        later = asyncio.create_task(second)
        await asyncio.wait({later}, timeout=0.5)
    return await later


async def sweep(db: Database, limit: int = 200) -> int:
    """All jobs, until nothing is due."""
    total = 0
    for job in (*JOBS, long_histories(), balance_job()):
        while True:
            async with db.transaction() as tx:
                if isinstance(job, WorkList):
                    done = await work(tx, job, tx.clock.now(), limit)
                else:
                    done = await job.batch(tx, tx.clock.now(), limit) or None
            if done is None:
                break
            total += done
    return total


async def tables(tx: Transaction) -> dict[str, list[tuple[Any, ...]]]:
    """What must be equal when two ways of arrival are to be the same."""
    wanted = {
        "customers": "select shop, customer, cast(cast(state as jsonb) as text), last_time, last_id, done_until, "
        "due_at, revision from customers order by 1, 2",
        "ledger": "select shop, customer, account, earned_by, amount, cause, correction, occurred_at "
        "from ledger order by 1, 2, 6, 3, 4",
        "outbox": "select id, aggregatetype, aggregateid, payload from outbox order by seq",
        "redemptions": "select shop, customer, redemption_id, points, returned_at from redemptions order by 1, 2, 3",
    }
    return {name: [tuple(row) for row in await tx.fetch(sql)] for name, sql in wanted.items()}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START + timedelta(days=800))


@pytest_asyncio.fixture
async def new_db(database_from: MigratedDatabase, clock: FixedClock) -> AsyncIterator[MakeDatabase]:
    """Factory of migrated databases on the test's clock."""
    made: list[Database] = []

    async def make() -> Database:
        made.append(Database(await database_from(MIGRATIONS), clock=clock, service="membership"))
        return made[-1]

    yield make
    for database in made:
        await database.close()


@pytest_asyncio.fixture
async def db(new_db: MakeDatabase) -> Database:
    return await new_db()


class Client(httpx.AsyncClient):
    database: Database
    clock: FixedClock
    keys: KeyRing
    app: FastAPI

    async def issue_key(self, customer: str = "c1") -> None:
        """The customer's data key has come from orders-ingest."""
        async with self.database.transaction() as tx:
            await self.keys.ensure_keys(tx, [("tea", customer)])


@pytest_asyncio.fixture
async def client(database_from: MigratedDatabase) -> AsyncIterator[Client]:
    settings = Settings(
        database_url=await database_from(Path(SERVICE.migrations)),
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key=SecretStr(base64.b64encode(b"m" * 32).decode()),
        bootstrap_api_key=SecretStr(KEY),
        set_clock=True,
    )
    runtime = await make_runtime(replace(SERVICE, subscriptions=()), settings)
    assert isinstance(runtime.clock, FixedClock)
    runtime.clock.set(NOW)
    app = build_app(runtime, health.Readiness())
    async with Client(
        transport=httpx.ASGITransport(app), base_url="http://test", headers={"authorization": f"Bearer {KEY}"}
    ) as http:
        http.database, http.clock, http.keys, http.app = runtime.database, runtime.clock, runtime.keys, app
        yield http
    await runtime.database.close()


async def rich(client: Client, shop: Shop, customer: str = "c1", order: str = "o1") -> None:
    """One completed order of 600.00, so Senior with 600 points."""
    await deliver(client.database, [shop.completed(customer, NOW - timedelta(days=10), order, 60_000)])
