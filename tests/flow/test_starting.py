"""A process that starts before its servers waits for them; one that is configured wrongly ends with a sentence."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from common.bus.broker import ensure_topics
from common.events.topics import TOPICS
from regulars.stack.kafka import KafkaCluster
from regulars.stack.ports import free_port
from regulars.stack.postgres import PostgresServer
from regulars.testing import EmptyDatabase

WITHIN_S = 120


def environment(database_url: str, servers: str, port: int) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database_url.replace("+asyncpg", ""),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "HTTP_PORT": str(port),
    }


async def begin(arguments: list[str], env: dict[str, str], log: Path) -> asyncio.subprocess.Process:
    with log.open("wb") as target:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "orders_ingest.main", *arguments, env=env, stdout=target, stderr=target
        )


@pytest_asyncio.fixture
async def ending() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def until(process: asyncio.subprocess.Process, log: Path, question: Callable[[], Any]) -> None:
    """Ask until the answer is true; ends at once when the process has."""
    async with asyncio.timeout(WITHIN_S):
        while not await question():
            assert process.returncode is None, log.read_text()
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_it_waits_for_postgresql_and_then_for_kafka(stack_folder: Path, ending: AsyncExitStack) -> None:
    folder = stack_folder / f"late-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    folder.chmod(0o755)
    postgres, kafka = PostgresServer(folder / "postgres"), KafkaCluster(folder / "kafka")
    ending.callback(postgres.stop)
    ending.callback(kafka.stop)
    log, port = folder / "service.log", free_port()
    url = postgres.url
    process = await begin(["serve", "--migrate"], environment(url, kafka.bootstrap_servers, port), log)
    ending.push_async_callback(process.wait)

    def end() -> None:
        if process.returncode is None:
            process.terminate()

    ending.callback(end)
    client = await ending.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))

    async def said(status: int, **checks: str) -> bool:
        try:
            answer = await client.get("/health/ready")
        except httpx.TransportError:
            return False
        shown = answer.json()["checks"]
        return answer.status_code == status and all(text in shown[name] for name, text in checks.items())

    await until(process, log, lambda: said(503, database="Error"))
    assert (await client.get("/health/live")).status_code == 200

    async def logged() -> bool:
        return log.read_text().count("waiting_for_database") >= 2

    await until(process, log, logged)
    await asyncio.to_thread(postgres.start)
    await until(process, log, lambda: said(503, database="ok", shops="not read yet"))
    await asyncio.to_thread(kafka.start)
    await ensure_topics(kafka.bootstrap_servers, TOPICS, 1)
    await until(process, log, lambda: said(200))
    process.terminate()
    assert await process.wait() == 0, log.read_text()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [("no tables", "python -m orders_ingest.main migrate"), ("no such database", "has no database of the name")],
)
async def test_wrong_configuration_ends_it_with_a_sentence(
    wrong: str, sentence: str, database: EmptyDatabase, tmp_path: Path
) -> None:
    url, log = await database(), tmp_path / "log"
    if wrong == "no such database":
        url += "-that-is-not-there"
    process = await begin(["serve"], environment(url, "127.0.0.1:1", free_port()), log)
    async with asyncio.timeout(WITHIN_S):
        assert await process.wait() == 1
    assert sentence in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
async def test_a_wrong_password_ends_it_with_a_sentence(stack_folder: Path, ending: AsyncExitStack) -> None:
    folder = stack_folder / f"locked-{uuid.uuid4().hex[:8]}"
    postgres = PostgresServer(folder, password="right")
    await asyncio.to_thread(postgres.start)
    ending.callback(postgres.stop)
    url = postgres.url_of("postgres", user="postgres", password="wrong")
    process = await begin(["serve"], environment(url, "127.0.0.1:1", free_port()), folder / "service.log")
    async with asyncio.timeout(WITHIN_S):
        assert await process.wait() == 1
    assert "does not let the user of DATABASE_URL in" in (folder / "service.log").read_text()
