"""What the tests of orders-ingest share: a migrated database, a fixed clock, the vault, the app in process."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from common.bus.broker import ensure_topics
from common.crypto.keys import KeyRing
from common.events import Event, decode, rfc3339
from common.events.topics import TOPICS
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Runtime
from common.process.settings import Settings
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.handlers.erasures import confirmed_topics
from orders_ingest.jobs.intake import Intake
from orders_ingest.main import SERVICE
from regulars.testing import MigratedDatabase, SharedKafka

MIGRATIONS = Path(__file__).parents[1] / "migrations"
MASTER = bytes(range(32))
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
KEY = "an-administrators-key-of-tests"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest_asyncio.fixture
async def db(database_from: MigratedDatabase, clock: FixedClock) -> AsyncIterator[Database]:
    """A migrated database of the test's own, with the clock at NOW."""
    database = Database(await database_from(MIGRATIONS), clock=clock, service=SERVICE.name)
    yield database
    await database.close()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing(MASTER)


@pytest.fixture
def vault(ring: KeyRing) -> Vault:
    return Vault(ring)


def runtime_on(db: Database, clock: FixedClock, ring: KeyRing) -> Runtime:
    """The service's process on a database, without a broker."""
    settings = Settings(
        database_url="postgresql://unused@localhost/unused",
        kafka_bootstrap_servers="localhost:1",
        master_key=SecretStr(base64.b64encode(MASTER).decode()),
        bootstrap_api_key=SecretStr(KEY),
    )
    return Runtime(SERVICE, settings, clock, db, ring, MASTER)


@pytest.fixture
def runtime(db: Database, clock: FixedClock, ring: KeyRing) -> Runtime:
    return runtime_on(db, clock, ring)


@asynccontextmanager
async def client_of(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The service's HTTP side, in process, with a key for everything."""
    app = build_app(runtime, Readiness())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client
    if hasattr(app.state, "collector"):
        await app.state.collector.close()


@pytest_asyncio.fixture
async def api(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The service's HTTP side on the test's database."""
    async with client_of(runtime) as client:
        yield client


Serving = Callable[[Database], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def serving(clock: FixedClock, ring: KeyRing) -> Serving:
    """The service's HTTP side on a database that a test makes itself."""
    return lambda db: client_of(runtime_on(db, clock, ring))


@pytest_asyncio.fixture
async def intake(runtime: Runtime, kafka: SharedKafka) -> AsyncIterator[Intake]:
    """Reads shops' own topics of the run's Kafka, where the topics stand that erasures are confirmed on."""
    confirmed = [topic for topic in TOPICS if topic.name in confirmed_topics()]
    await ensure_topics(kafka.bootstrap_servers, confirmed)
    runtime.settings = runtime.settings.model_copy(update={"kafka_bootstrap_servers": kafka.bootstrap_servers})
    found = Intake(runtime)
    yield found
    await found.close()


class Telling:
    """Makes CloudEvents as a shop's backend sends them: an hour ago, by c-1 of shop demo, unless asked otherwise."""

    def __init__(self) -> None:
        self._number = 0

    def event(self, type_: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
        """`attributes` replace the envelope's; None leaves one out."""
        self._number += 1
        body: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"e-{self._number}",
            "source": "/shops/demo/backend",
            "shop": "demo",
            "subject": "c-1",
            "type": type_,
            "time": rfc3339(NOW - timedelta(hours=1)),
            "data": data,
        }
        body.update(attributes)
        return {name: value for name, value in body.items() if value is not None}

    def order(self, state: str = "completed", data: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
        """An order o-1 over 99.90 in `state`; `data` replaces its fields."""
        lines = [{"sku": "s-1", "quantity": 1, "unit_price": 12000, "paid": 9990}]
        fields = {"order_id": "o-1", "state": state, "currency": "CNY", "goods_paid": 9990, "lines": lines}
        return self.event(f"order.{state}", {**fields, **(data or {})}, **attributes)


@pytest.fixture
def tell() -> Telling:
    return Telling()


@pytest.fixture
def published(db: Database) -> Callable[[], Awaitable[list[Event[Any]]]]:
    """Reads what the outbox holds, keys and what is said of imports left out, in order of publication."""

    async def read() -> list[Event[Any]]:
        async with db.transaction() as tx:
            rows = await tx.fetch(
                "select payload from outbox where aggregatetype <> 'customer-keys' and type not like 'import.%' "
                "order by seq"
            )
        return [decode(row.payload) for row in rows]

    return read
