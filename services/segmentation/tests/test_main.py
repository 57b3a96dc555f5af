"""The process does over the bus what its parts do alone."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from common.bus.broker import Outgoing, Producer, ensure_topics
from common.events import decode
from common.events.topics import TOPICS
from common.storage.migrate import driver_url
from regulars.testing import EmptyDatabase, broker_in, settings_of

WANTED = 3


@pytest.mark.slow
async def test_an_order_on_the_bus_becomes_facts_on_the_bus(
    database: EmptyDatabase, tmp_path: Path, events: Any
) -> None:
    """migrate, serve, one order.completed twice: each fact once; SIGTERM ends it with 0 and verify finds nothing.

    It has a bus of its own: verify looks for whatever anybody announced, and other tests leave such on the shared one.
    """
    url = await database()
    with broker_in(tmp_path / "kafka") as servers:
        environment = os.environ | {
            "DATABASE_URL": url,
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
            "HTTP_PORT": "0",
        }
        await ensure_topics(servers, TOPICS, 1)
        assert await _run(environment, "migrate") == 0
        process = await _start(environment, "serve")
        try:
            await _tell(servers, events)
            facts = await _published(url)
            assert [fact.data.TYPE for fact in facts[:WANTED]] == ["stage.changed", "lifecycle.changed", "rfm.changed"]
            assert [fact.data.revision for fact in facts[:WANTED]] == [1, 2, 3]
        finally:
            process.send_signal(signal.SIGTERM)
            code = await process.wait()
        assert code == 0
        assert await _run(environment, "verify") == 0


async def _tell(servers: str, events: Any) -> None:
    """An order twice, and its shop's settings."""
    order = events.completed("c-of-test-main", datetime(2025, 1, 1, 10, tzinfo=UTC))
    producer = Producer(servers, client="test")
    await producer.start()
    settings = settings_of("tea")
    message = Outgoing("orders", order.key.encode(), order.encode(), {})
    setting = Outgoing("shops", settings.key.encode(), settings.encode(), {})
    assert await producer.send([message, message, setting]) == 3
    await producer.stop()


async def _start(environment: dict[str, str], command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "segmentation.main", command, env=environment)


async def _run(environment: dict[str, str], command: str) -> int:
    return await (await _start(environment, command)).wait()


async def _published(url: str) -> list[Any]:
    """The customer's facts, once the relay has had the broker's word for as many as are wanted."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        while True:
            rows = await connection.fetch(
                "select payload from outbox where aggregateid = 'tea/c-of-test-main' and published_at is not null "
                "order by seq"
            )
            if len(rows) >= WANTED:
                return [decode(row["payload"]) for row in rows]
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
