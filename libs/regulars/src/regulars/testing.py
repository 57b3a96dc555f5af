"""Fixtures of all tests: a real PostgreSQL, Kafka and mail sink, started once per run when first asked for.

Loaded by ``-p regulars.testing``. Fixtures:

- ``postgres`` (session): ``.url`` is the administrator's address; honours DATABASE_URL.
- ``kafka`` (session): ``.bootstrap_servers``; honours KAFKA_BOOTSTRAP_SERVERS. Name topics and groups uniquely.
- ``database``: ``await database()`` gives the address of an empty database, dropped after the test.
- ``database_from``: ``await database_from(folder, ...)`` gives one with those migrations already applied, and the
  shops of ``SHOPS`` set up: in CNY and the zone of Shanghai. Another shop, or other settings: ``set_up``.
- ``lived_from``: ``await lived_from(name, live, folder, ...)`` gives one as ``live(address)`` left the first of the
  name: a story that several tests begin with, lived through once per run.
- ``topics_of_own``: ``await topics_of_own(*names)`` makes such topics under unique names and gives an ``OwnTopics``.
- ``mailsink``: a ``MailSink`` of the test's own, in process; ``.port``, ``.count``, ``.mails()``, ``.refused``.

A test that kills a server starts its own ``PostgresServer`` or ``KafkaCluster``: these here are shared.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest
import pytest_asyncio
import structlog

from common.bus.broker import Outgoing, Producer, Reader, Topic, ensure_topics
from common.events import Event
from common.events.shops import ShopSettingsChanged
from common.shops.settings import SettingsBody
from common.storage.database import Database, Transaction
from regulars.spare_databases import SpareDatabases
from regulars.stack.databases import create_database, drop_database, in_database
from regulars.stack.kafka import KafkaCluster
from regulars.stack.mailsink import MailSink
from regulars.stack.postgres import PostgresServer

SHOPS = ("s", "t", "shop", "demo", "tea", "wine", "coffee", "teahouse", "bookshop", "other", "another")
"""Set up in every migrated database."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property test tries: 100, or as many as the profile in HYPOTHESIS_PROFILE has.

    What is logged is written plainly.
    """
    # No deadline: how long one example takes says something about the machine, not about the code.
    hypothesis.settings.register_profile("local", max_examples=100, deadline=None)
    hypothesis.settings.register_profile("ci", max_examples=150, deadline=None)
    hypothesis.settings.register_profile("nightly", max_examples=10_000, deadline=None)
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "local"))
    # Where rich is installed, structlog draws a logged exception with all variables of each frame, for 20 s of a page.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@dataclass(slots=True)
class SharedPostgres:
    """The run's PostgreSQL, the migrated databases that others are copied from, and the copies that are free."""

    url: str
    templates: dict[str, str] = field(default_factory=dict)
    spare: SpareDatabases = field(init=False)

    def __post_init__(self) -> None:
        self.spare = SpareDatabases(self.url)


@dataclass(frozen=True, slots=True)
class SharedKafka:
    """The run's Kafka."""

    bootstrap_servers: str


class EmptyDatabase(Protocol):
    """Makes an empty database and gives its ``postgresql+asyncpg://`` address."""

    async def __call__(self) -> str: ...


class MigratedDatabase(Protocol):
    """Makes a database with the migrations of the folders applied, in the order given, and gives its address.

    `common`: the tables that all services have are there too, and the shops are set up.
    """

    async def __call__(self, *folders: Path, common: bool = True) -> str: ...


class LivedDatabase(Protocol):
    """Makes a database as `live` left the first one of the name, and gives its address."""

    async def __call__(self, name: str, live: Callable[[str], Awaitable[None]], *folders: Path) -> str: ...


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A folder for servers' data that PostgreSQL's own account can reach, unlike pytest's ``tmp_path``."""
    folder = Path(tempfile.mkdtemp(prefix="regulars-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(stack_folder: Path) -> Iterator[SharedPostgres]:
    """A PostgreSQL server for the whole run."""
    given = os.environ.get("DATABASE_URL")
    if given:
        shared = SharedPostgres(given)
        yield shared
        asyncio.run(shared.spare.drop_all())
        return
    server = PostgresServer(stack_folder / "postgres")
    server.start()
    try:
        yield SharedPostgres(server.url)
    finally:
        server.stop()


@contextmanager
def broker_in(folder: Path) -> Iterator[str]:
    """A Kafka broker with its data in a folder that is not there yet; gives its bootstrap servers."""
    cluster = KafkaCluster(folder)
    cluster.start()
    try:
        yield cluster.bootstrap_servers
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def kafka(stack_folder: Path) -> Iterator[SharedKafka]:
    """A Kafka broker for the whole run."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield SharedKafka(given)
        return
    with broker_in(stack_folder / "kafka") as servers:
        yield SharedKafka(servers)


@asynccontextmanager
async def empty_databases(postgres: SharedPostgres) -> AsyncIterator[EmptyDatabase]:
    """Makes empty databases; each is dropped at the end, connections and all."""
    made: list[str] = []

    async def make() -> str:
        name = _unique("test")
        made.append(name)
        return await create_database(postgres.url, name)

    yield make
    for name in made:
        await drop_database(postgres.url, name)


@asynccontextmanager
async def migrated_databases(postgres: SharedPostgres) -> AsyncIterator[MigratedDatabase]:
    """Makes migrated databases: migrated once per run, copied as often as needed, emptied and reused."""
    async with _copies(postgres) as copy:

        async def make(*folders: Path, common: bool = True) -> str:
            return await copy(await _template(postgres, folders, common=common))

        yield make


@asynccontextmanager
async def _copies(postgres: SharedPostgres) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Makes copies of templates, which are given back at the end."""
    taken: list[str] = []

    async def make(template: str) -> str:
        name = await postgres.spare.take(template, _unique("test"))
        taken.append(name)
        return in_database(postgres.url, name)

    yield make
    for name in taken:
        await postgres.spare.give_back(name)


async def _template(postgres: SharedPostgres, folders: tuple[Path, ...], *, common: bool = True) -> str:
    key = f"{_digest(folders)} {common}"
    if key not in postgres.templates:
        postgres.templates[key] = await _migrated(postgres.url, *folders, common=common)
    return postgres.templates[key]


@pytest_asyncio.fixture
async def database(postgres: SharedPostgres) -> AsyncIterator[EmptyDatabase]:
    """Factory of empty databases of one test."""
    async with empty_databases(postgres) as make:
        yield make


@pytest_asyncio.fixture
async def database_from(postgres: SharedPostgres) -> AsyncIterator[MigratedDatabase]:
    """Factory of migrated databases of one test."""
    async with migrated_databases(postgres) as make:
        yield make


@dataclass(frozen=True, slots=True)
class OwnTopics:
    """Topics of one test's own, which knows them by their plain names."""

    servers: str
    prefix: str

    def reader(self, topic: str) -> Reader:
        return Reader(self.servers, self.prefix + topic, client="tests")

    async def publish(self, database: Database) -> None:
        """What the outbox holds, as the relay publishes it."""
        async with database.transaction() as tx:
            rows = await tx.fetch("select * from outbox where published_at is null order by seq")
            producer = Producer(self.servers, client="tests")
            await producer.start()
            headers = [{"id": r.id.encode(), "type": r.type.encode(), "shop": r.shop.encode()} for r in rows]
            sent = await producer.send(
                [
                    Outgoing(self.prefix + r.aggregatetype, r.aggregateid.encode(), r.payload.encode(), h)
                    for r, h in zip(rows, headers, strict=True)
                ]
            )
            await producer.stop(5)
            assert sent == len(rows)
            await tx.execute("update outbox set published_at = now()")

    async def send(self, topic: str, *values: bytes) -> None:
        """Records of somebody else, as they are."""
        producer = Producer(self.servers, client="somebody")
        await producer.start()
        assert await producer.send([Outgoing(self.prefix + topic, b"k", value, {}) for value in values]) == len(values)
        await producer.stop(5)


class TopicsOfOwn(Protocol):
    """Makes topics of one partition each."""

    async def __call__(self, *names: str) -> OwnTopics: ...


@pytest_asyncio.fixture
async def lived_from(postgres: SharedPostgres) -> AsyncIterator[LivedDatabase]:
    """Factory of databases of one test that begin where a story shared by several ended."""
    async with _copies(postgres) as copy:

        async def make(name: str, live: Callable[[str], Awaitable[None]], *folders: Path) -> str:
            key = f"{name} {_digest(folders)}"
            if key not in postgres.templates:
                lived = _unique("lived")
                url = await create_database(postgres.url, lived, template=await _template(postgres, folders))
                try:
                    await live(url)
                except BaseException:
                    await drop_database(postgres.url, lived)
                    raise
                postgres.templates[key] = lived
            return await copy(postgres.templates[key])

        yield make


@pytest.fixture
def topics_of_own(kafka: SharedKafka) -> TopicsOfOwn:
    """Factory of topics that no other test writes to."""

    async def make(*names: str) -> OwnTopics:
        own = OwnTopics(kafka.bootstrap_servers, _unique("own") + ".")
        await ensure_topics(own.servers, [Topic(own.prefix + name, 1) for name in names])
        return own

    return make


@pytest_asyncio.fixture
async def mailsink(tmp_path: Path) -> AsyncIterator[MailSink]:
    """A mail sink of the test's own on a free port."""
    async with MailSink(tmp_path / "mails.jsonl", refused={}) as sink:
        yield sink


async def _migrated(admin_url: str, *folders: Path, common: bool) -> str:
    from common.storage.migrate import migrate  # here, so that tests without migrations need nothing of it

    name = _unique("template")
    url = await create_database(admin_url, name)
    try:
        await migrate(url, *folders, common=common)
        if common:
            database = Database(url)
            async with database.transaction() as tx:
                for shop in SHOPS:
                    await set_up(tx, shop)
            await database.close()
    except BaseException:
        await drop_database(admin_url, name)
        raise
    return name


async def set_up(tx: Transaction, shop: str, zone: str = "Asia/Shanghai", currency: str = "CNY") -> None:
    """Give the shop these settings for all time, as if they had been the first ones announced."""
    # A test may say otherwise about a shop that is set up already.
    await tx.execute(
        """
        insert into shop_settings (shop, version, valid_from, body)
        values (:shop, 1, '1990-01-01T00:00:00Z', cast(:body as jsonb))
        on conflict (shop, version) do update set body = excluded.body
        """,
        shop=shop,
        body=SettingsBody(zone=zone, currency=currency).model_dump_json(),
    )


def settings_of(shop: str, zone: str = "Asia/Shanghai", currency: str = "CNY") -> Event[ShopSettingsChanged]:
    """What orders-ingest tells when the shop is set up, for tests that publish events of it themselves."""
    since = datetime(1990, 1, 1, tzinfo=UTC)
    data = ShopSettingsChanged(version=1, valid_from=since, zone=zone, currency=currency)
    return Event("settings-1", f"/shops/{shop}/orders-ingest", shop, None, since, data, "settings")


def _digest(folders: tuple[Path, ...]) -> str:
    """Names what the folders hold, so that an edited migration is never served from a stale template."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.sql")):
            digest.update(str(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _unique(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex[:20]}"


def scaled(small: int, full: int) -> int:
    """How many of something a test takes: few by default, with SCALE=full as many as a target names
    (`python -m regulars.docs.runs`)."""
    return full if os.environ.get("SCALE") == "full" else small
