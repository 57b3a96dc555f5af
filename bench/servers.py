"""The servers of a measurement: a PostgreSQL and a Kafka of its own, and Regulars' processes on them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg

from bench.workload import SHOP
from common.bus.broker import ensure_topics
from common.events.topics import TOPICS
from common.process.runtime import Service
from common.shops.settings import SHOPS, SettingsBody
from common.storage.database import Database
from common.storage.migrate import driver_url, migrate
from regulars.stack.databases import create_database
from regulars.stack.kafka import KafkaCluster
from regulars.stack.ports import free_port
from regulars.stack.postgres import PostgresServer
from regulars.stack.process import Command, spawn, stop, tail
from regulars.stack.services import SERVICES, Surroundings, environment, settings_of

ROOT = Path(__file__).resolve().parents[1]
API_KEY = "rk_bench_" + uuid.uuid4().hex
_MASTER_KEY = base64.b64encode(uuid.uuid4().bytes * 2).decode()
_STARTED_WITHIN_S = 120.0


class Failed(Exception):
    """A process of the measurement ended badly; the message holds its last words."""


class Servers:
    """One PostgreSQL and one Kafka, with logs of the processes run on them."""

    def __init__(self, folder: Path, postgres: PostgresServer, kafka: KafkaCluster) -> None:
        self.folder, self.postgres, self.kafka = folder, postgres, kafka

    async def database(self, service: str) -> str:
        """An empty, migrated database of this service; the disk is at rest when it is there."""
        url = await create_database(self.postgres.url, f"bench_{uuid.uuid4().hex[:16]}")
        await migrate(url, service_of(service).migrations)
        await _set_up(url)
        connection = await asyncpg.connect(driver_url(self.postgres.url))
        try:
            await connection.execute("checkpoint")
        finally:
            await connection.close()
        return url

    def settings(self, service: str, url: str, **more: str) -> dict[str, str]:
        """The environment of one service's process."""
        (found,) = (each for each in SERVICES if each.name == service)
        around = Surroundings(self.kafka.bootstrap_servers, _MASTER_KEY, API_KEY, "WARNING")
        return environment(settings_of(found, 0, url, around) | {"RATE_LIMIT": "1000000"} | more)


@contextmanager
def serving(folder: Path, name: str, argv: Sequence[str], env: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """A process that serves HTTP and logs into the folder, until the block ends; gives its address and process id."""
    port = free_port()
    command = Command(name, [sys.executable, "-m", *argv], {**env, "HTTP_PORT": str(port)}, ROOT)
    log = folder / f"{name}.log"
    process = spawn(command, log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_ready(url, process, log)
        yield url, process.pid
    finally:
        stop(process, command)


def service_of(name: str) -> Service:
    """The service as its main.py wires it."""
    found: Service = import_module(f"{name.replace('-', '_')}.main").SERVICE
    return found


async def run(argv: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Run `python -m argv` to its end; what it printed last is its result as JSON. Raises Failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *argv, env=dict(env), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, err = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode != 0:
        words = (out + err).decode(errors="replace").splitlines()[-15:]
        raise Failed(f"{' '.join(argv)} ended with {process.returncode}:\n" + "\n".join(words))
    result: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return result


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both, make the topics, and take everything away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="regulars-bench-"))
    # PostgreSQL drops to an account of its own, which must reach its data.
    folder.chmod(0o755)
    postgres, kafka = PostgresServer(folder / "postgres"), KafkaCluster(folder / "kafka")
    try:
        postgres.start()
        kafka.start()
        yield Servers(folder, postgres, kafka)
    finally:
        kafka.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _set_up(url: str) -> None:
    """The bench's shop is set up, as it would have been announced on the topic `shops`."""
    database = Database(url)
    async with database.transaction() as tx:
        await SHOPS.insert(tx, SHOP, 1, tx.clock.now(), SettingsBody(zone="Asia/Shanghai", currency="CNY"))
    await database.close()


async def make_topics(kafka: KafkaCluster) -> None:
    """The topics of the product, as the stack makes them."""
    await ensure_topics(kafka.bootstrap_servers, TOPICS)


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN_S
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health/ready", timeout=3) as answer:
            if answer.status == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"{log.stem} did not become ready:\n{tail(log)}")
        time.sleep(0.1)
