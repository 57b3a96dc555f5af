"""Two processes of a service on hosts of their own, network namespaces on one bridge: the cable of one is pulled.

Nobody is told that a host is gone: no packet comes from it any more, its sessions and connections stand as they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

import membership.main
from common.bus.broker import Outgoing, Producer, ensure_topics
from common.bus.relay import relay_lock
from common.events import Event
from common.events.orders import OrderCompleted
from common.events.topics import TOPICS
from common.storage.migrate import driver_url, migrate
from orders_ingest.versions.rules import revision_of
from regulars.stack.databases import create_database
from regulars.stack.kafka import KafkaCluster
from regulars.stack.postgres import PostgresServer
from regulars.testing import settings_of

SHOP, CUSTOMERS = "hosts", 24
EVERYBODY = {f"c{n}" for n in range(CUSTOMERS)}
WITHIN_S = 150
_MAY = os.geteuid() == 0 and shutil.which("ip") is not None
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not _MAY, reason="network namespaces need root and the command `ip`"),
]


class Network:
    """A bridge of our own, with a namespace for each host; `address` is that of this process, where the servers are."""

    def __init__(self) -> None:
        self._tag = uuid.uuid4().hex[:6]
        self._bridge = f"br{self._tag}"
        self._net = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.address = f"{self._net}.1"
        self._hosts: list[str] = []
        self.hosts: list[Host] = []

    def build(self) -> None:
        """Raises CalledProcessError where this process may not."""
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        self.hosts = [self._add(), self._add()]

    def remove(self) -> None:
        """Also what was only begun."""
        for argv in (*(("netns", "del", host) for host in self._hosts), ("link", "del", self._bridge)):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip(*argv)

    def _add(self) -> Host:
        number = len(self._hosts) + 1
        name, cable, address = f"h{number}{self._tag}", f"c{number}{self._tag}", f"{self._net}.{10 + number}"
        self._hosts.append(name)
        _ip("netns", "add", name)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", cable, "master", self._bridge, "up")
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "set", "eth0", "up")
        return Host(name, cable, address)


class Host:
    """One machine with one process of membership."""

    def __init__(self, name: str, cable: str, address: str) -> None:
        self.name, self.address, self._cable = name, address, cable
        self.process: asyncio.subprocess.Process | None = None

    async def serve(self, environment: dict[str, str]) -> None:
        argv = ["ip", "netns", "exec", self.name, sys.executable, "-m", "membership.main", "serve"]
        self.process = await asyncio.create_subprocess_exec(
            *argv, env=os.environ | environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )

    def pull(self) -> None:
        _ip("link", "set", self._cable, "down")

    def plug(self) -> None:
        _ip("link", "set", self._cable, "up")


def _ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True, capture_output=True)


class Scene:
    """Servers, two hosts, and a shop whose customers order all the time."""

    def __init__(self, hosts: list[Host], database: asyncpg.Connection, servers: str) -> None:
        self.hosts, self.database, self.servers = hosts, database, servers
        self.sent: list[Event[Any]] = []
        self.pause_s = 0.05
        self._closed = asyncio.Event()

    @asynccontextmanager
    async def trading(self) -> AsyncIterator[None]:
        """The shop's customers order meanwhile. Afterwards Kafka has each order of `sent`, and no other."""
        trade = asyncio.create_task(self._trade())
        try:
            yield
        finally:
            self._closed.set()  # not cancelled: an order that is cancelled under way may be in Kafka all the same
            await trade

    async def _trade(self) -> None:
        """Orders one by one, of one customer after the other, each sent until Kafka has it."""
        producer = Producer(self.servers, client="a shop")
        await producer.start()
        try:
            while not self._closed.is_set():
                event = order(len(self.sent))
                record = Outgoing("orders", event.key.encode(), event.encode(), {"type": event.type.encode()})
                while await producer.send([record]) == 0:
                    pass  # nothing is known of it: it is sent again, under the same id
                self.sent.append(event)
                await asyncio.sleep(self.pause_s)
        finally:
            await producer.stop(5)

    async def publisher(self) -> str | None:
        """The address of the host that holds the relay."""
        found: str | None = await self.database.fetchval(
            """
            select host(client_addr) from pg_locks join pg_stat_activity using (pid)
            where locktype = 'advisory' and granted and (classid::bigint << 32) + objid::bigint = $1 limit 1
            """,
            relay_lock("membership"),
        )
        return found

    async def all_at_work(self, number: int) -> bool:
        """Whether of each customer an order from that one on is folded and announced."""
        rows = await self.database.fetch(
            "select distinct customer from history where at >= $1 and not exists (select from outbox o"
            " where o.published_at is null and o.aggregateid = history.shop || '/' || history.customer)",
            order(number).time,
        )
        return {row[0] for row in rows} == EVERYBODY

    async def until(self, question: Callable[[], Awaitable[bool]], what: str) -> float:
        """Seconds until it was so."""
        began = time.monotonic()
        while not await question():
            for host in self.hosts:
                assert host.process is not None
                assert host.process.returncode is None, f"the process of {host.address} ended"
            assert time.monotonic() < began + WITHIN_S, f"not within {WITHIN_S} s: {what}"
            await asyncio.sleep(0.2)
        return time.monotonic() - began

    async def facts(self) -> list[dict[str, Any]]:
        """All that stands on membership's topic, in the order of each partition."""
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.servers, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await reader.start()
        try:
            partitions = [
                TopicPartition(t.name, n) for t in TOPICS if t.name == "membership" for n in range(t.partitions)
            ]
            reader.assign(partitions)
            ends = await reader.end_offsets(partitions)
            found: list[dict[str, Any]] = []
            while any([await reader.position(p) < ends[p] for p in partitions]):
                for records in (await reader.getmany(timeout_ms=500)).values():
                    found += [orjson.loads(record.value) for record in records]
            return found
        finally:
            await reader.stop()


def order(number: int) -> Event[Any]:
    at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=number)
    data = OrderCompleted(order_id=f"o{number}", state="completed", currency="CNY", goods_paid=10_000)
    event = Event(f"e{number}", f"/shops/{SHOP}/backend", SHOP, f"c{number % CUSTOMERS}", at, data)
    return event.with_data(data.having(revision=revision_of(event)))


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        made.build()
    except subprocess.CalledProcessError as error:
        made.remove()
        pytest.skip(f"this machine lets nobody make network namespaces: {error.stderr.decode().strip()}")
    yield made
    made.remove()


@pytest_asyncio.fixture
async def scene(network: Network, stack_folder: Path) -> AsyncIterator[Scene]:
    folder = stack_folder / f"hosts-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o755)
    postgres = PostgresServer(folder / "postgres", host=network.address)
    kafka = KafkaCluster(folder / "kafka", host=network.address)
    hosts = network.hosts
    try:
        await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(kafka.start))
        await ensure_topics(kafka.bootstrap_servers, TOPICS, 1)
        url = await create_database(postgres.url, "membership")
        await migrate(url, membership.main.SERVICE.migrations)
        producer = Producer(kafka.bootstrap_servers, client="a shop")
        await producer.start()
        settings = settings_of(SHOP)
        record = Outgoing("shops", settings.key.encode(), settings.encode(), {"type": settings.type.encode()})
        assert await producer.send([record]) == 1
        await producer.stop(5)
        for host in hosts:
            await host.serve(
                {
                    "DATABASE_URL": url.replace("+asyncpg", ""),
                    "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
                    "MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                    "SESSION_TIMEOUT_MS": "6000",
                    "HTTP_PORT": "8080",
                }
            )
        database = await asyncpg.connect(driver_url(url))
        yield Scene(hosts, database, kafka.bootstrap_servers)
        await database.close()
    finally:
        for host in hosts:
            if host.process is not None and host.process.returncode is None:
                host.process.kill()
                await host.process.wait()
        kafka.stop()
        postgres.stop()


async def test_a_host_whose_cable_is_pulled_is_replaced_and_does_no_harm_when_it_is_back(scene: Scene) -> None:
    """A3, A4, A16: the other host takes relay and partitions; the one that is back goes on with what it is given."""
    async with scene.trading():
        await scene.until(partial(scene.all_at_work, 0), "everybody's orders are folded and announced")
        holder = await scene.publisher()
        (gone,) = (host for host in scene.hosts if host.address == holder)
        gone.pull()
        pulled = len(scene.sent)

        async def replaced() -> bool:
            return await scene.publisher() not in (None, gone.address)

        publishes = await scene.until(replaced, "another host publishes")
        goes_on = await scene.until(partial(scene.all_at_work, pulled), "everybody's orders go on")
        gone.plug()
        plugged = len(scene.sent)
        back = await scene.until(partial(scene.all_at_work, plugged), "they go on when the host is back")
        print(
            f"another host publishes after {publishes:.1f} s, and all goes on {goes_on:.1f} s later; back: {back:.1f} s"
        )

    async def all_counted() -> bool:
        waiting = "select count(*) from outbox where published_at is null"
        counted = await scene.database.fetchval("select count(*) from history")
        return bool(counted == len(scene.sent) and not await scene.database.fetchval(waiting))

    await scene.until(all_counted, "each order is counted once")
    for host in scene.hosts:
        assert host.process is not None
        host.process.terminate()
        assert await asyncio.wait_for(host.process.wait(), 30) == 0
    facts = await scene.facts()
    first = {fact["id"]: fact for fact in reversed(facts)}
    seen: dict[str, list[int]] = {}
    for fact in facts:
        if first.pop(fact["id"], None) is not None and "revision" in fact["data"]:
            seen.setdefault(fact["subject"], []).append(fact["data"]["revision"])
    assert seen.keys() == EVERYBODY
    for revisions in seen.values():
        assert revisions == sorted(set(revisions)), "in order, and each once"
    twice = [id_ for id_, times in Counter(fact["id"] for fact in facts).items() if times > 1]
    print(f"{len(scene.sent)} orders, {len(facts)} facts, {len(twice)} of them sent twice", flush=True)
