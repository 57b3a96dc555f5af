"""Does the service as it is shipped do it all: a completed order in, a question out, an answer back?"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from common.broker import Outgoing, Producer, ensure_topics
from common.db import Database
from common.events import Event
from common.events.orders import OrderCompleted
from common.events.topics import TOPICS
from common.keys import KeyRing
from feedback.domain.links import AnswerLinks
from regulars.stack.ports import free_port
from regulars.testing import EmptyDatabase, SharedKafka

from .conftest import API_KEY, MASTER


async def until(question: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is true; pytest's own time limit ends it otherwise."""
    while not (answer := await question()):  # it is another process that we wait for
        await asyncio.sleep(0.2)
    return answer


@pytest_asyncio.fixture
async def service(database: EmptyDatabase, kafka: SharedKafka) -> AsyncIterator[tuple[str, str]]:
    """(address, database) of a migrated, serving process."""
    await ensure_topics(kafka.bootstrap_servers, TOPICS)
    url, port = await database(), free_port()
    environment = os.environ | {
        "DATABASE_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "MASTER_KEY": base64.b64encode(MASTER).decode(),
        "BOOTSTRAP_API_KEY": API_KEY,
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    migrate = await asyncio.create_subprocess_exec(sys.executable, "-m", "feedback.main", "migrate", env=environment)
    assert await migrate.wait() == 0
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "feedback.main", "serve", env=environment)
    try:
        yield f"http://127.0.0.1:{port}", url
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_from_a_completed_order_to_a_stored_answer(service: tuple[str, str], kafka: SharedKafka) -> None:
    """FBK-007, over Kafka and HTTP, with the same order delivered twice."""
    address, url = service
    shop = f"s{uuid.uuid4().hex[:8]}"
    completed_at = datetime.now(UTC) - timedelta(days=8)
    order = Event("e1", f"/shops/{shop}/shop", shop, "ann", completed_at,
                  OrderCompleted(order_id="o1", state="completed", currency="CNY", goods_paid=100))  # fmt: skip
    database = Database(url, service="orders-ingest")
    async with database.transaction() as tx:
        _, issued = await KeyRing(MASTER).ensure_keys(tx, [(shop, "ann")])
        await tx.execute("delete from customer_keys")  # it comes by Kafka, as the service gets it
    await database.close()
    events: list[Event[Any]] = [*issued, order, order]
    producer = Producer(kafka.bootstrap_servers, client="test")
    sent = await producer.send([Outgoing(e.data.TOPIC, e.key.encode(), e.encode(), {}) for e in events])
    await producer.stop(5)
    assert sent == 3

    headers = {"authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:

        async def ready() -> bool:
            try:
                return (await client.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        async def surveys() -> Any:
            return (await client.get(f"/v1/shops/{shop}/surveys")).json()["items"]

        async def settled() -> bool:
            found = (await client.get("/ops/settled", params={"due": True})).json()
            return not (found["lag"] or found["outbox"] or found["due"])

        await until(ready)
        [asked] = await until(surveys)
        await until(settled)
        assert (asked["order_id"], asked["answered_at"]) == ("o1", None)
        assert datetime.fromisoformat(asked["asked_at"]) == completed_at + timedelta(days=7)

        path = AnswerLinks(MASTER, address).url(shop, asked["survey_id"])
        page = await client.get(path)
        assert re.search(r"o1", page.text)
        assert (await client.post(path, data={"stars": "5", "text": "很好"})).status_code == 200
        await until(settled)
        [answered] = await surveys()
        assert (answered["stars"], answered["text"]) == (5, "很好")
        assert (await client.get("/ops/dead")).json() == []
