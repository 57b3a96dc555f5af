"""The service as it is shipped: a completed order in, a question out, an answer back."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.bus.broker import Outgoing, Producer, ensure_topics
from common.crypto.keys import KeyRing
from common.events import Event
from common.events.orders import OrderClosed, OrderCompleted, OrderRefunded
from common.events.topics import TOPICS
from common.storage.database import Database
from feedback.main import SERVICE
from feedback.surveys.links import AnswerLinks
from regulars.stack.ports import free_port
from regulars.testing import EmptyDatabase, MigratedDatabase, SharedKafka, settings_of

from .conftest import API_KEY, MASTER


async def until(question: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is true; pytest's own time limit ends it otherwise."""
    while not (answer := await question()):  # it is another process that we wait for
        await asyncio.sleep(0.2)
    return answer


@asynccontextmanager
async def serving(url: str, kafka: SharedKafka) -> AsyncIterator[httpx.AsyncClient]:
    """A process on this database, migrated and ready; afterwards it has ended well."""
    port = free_port()
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
    address, headers = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {API_KEY}"}
    try:
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:

            async def ready() -> bool:
                try:
                    return (await client.get("/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(ready)
            yield client
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def settled(client: httpx.AsyncClient) -> None:
    """Wait until nothing is on its way, and nothing due."""

    async def still() -> bool:
        found = (await client.get("/ops/settled", params={"due": True})).json()
        return not (found["lag"] or found["outbox"] or found["due"])

    await until(still)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_from_a_completed_order_to_a_stored_answer(database_from: MigratedDatabase, kafka: SharedKafka) -> None:
    """FBK-007, over Kafka and HTTP, with the same order delivered twice."""
    await ensure_topics(kafka.bootstrap_servers, TOPICS)
    url = await database_from(SERVICE.migrations)
    shop = f"s{uuid.uuid4().hex[:8]}"
    completed_at = datetime.now(UTC) - timedelta(days=8)
    order = Event(
        "e1",
        f"/shops/{shop}/shop",
        shop,
        "ann",
        completed_at,
        OrderCompleted(order_id="o1", state="completed", currency="CNY", goods_paid=100),
    )
    other = Database(url, service="orders-ingest")
    async with other.transaction() as tx:
        _, issued = await KeyRing(MASTER).ensure_keys(tx, [(shop, "ann")])
        await tx.execute("delete from customer_keys")  # it comes by Kafka, as the service gets it
    await other.close()
    events: list[Event[Any]] = [settings_of(shop), *issued, order, order]
    producer = Producer(kafka.bootstrap_servers, client="test")
    sent = await producer.send([Outgoing(e.data.TOPIC, e.key.encode(), e.encode(), {}) for e in events])
    await producer.stop(5)
    assert sent == 4

    async with serving(url, kafka) as client:

        async def surveys() -> Any:
            return (await client.get(f"/v1/shops/{shop}/surveys")).json()["items"]

        [asked] = await until(surveys)
        await settled(client)
        assert (asked["order_id"], asked["answered_at"]) == ("o1", None)
        assert datetime.fromisoformat(asked["asked_at"]) == completed_at + timedelta(days=7)

        path = AnswerLinks(MASTER, "").url(shop, asked["survey_id"])
        page = await client.get(path)
        assert re.search(r"o1", page.text)
        assert (await client.post(path, data={"stars": "5", "text": "很好"})).status_code == 200
        await settled(client)
        [answered] = await surveys()
        assert (answered["stars"], answered["text"]) == (5, "很好")
        assert (await client.get("/ops/dead")).json() == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_nobody_is_asked_about_an_order_that_was_taken_back(
    database_from: MigratedDatabase, kafka: SharedKafka
) -> None:
    """FBK-007, over Kafka: bought eight days ago, and refunded whole or closed three days later."""
    await ensure_topics(kafka.bootstrap_servers, TOPICS)
    url = await database_from(SERVICE.migrations)
    shop = f"s{uuid.uuid4().hex[:8]}"
    bought = datetime.now(UTC) - timedelta(days=8)
    events: list[Event[Any]] = [settings_of(shop)]

    def tell(id_: str, customer: str, days: int, data: Any) -> None:
        events.append(Event(id_, f"/shops/{shop}/shop", shop, customer, bought + timedelta(days=days), data))

    for customer in ("ann", "bob", "cleo"):
        order = OrderCompleted(order_id=f"o-{customer}", state="completed", currency="USD", goods_paid=5000)
        tell(f"bought-{customer}", customer, 0, order)
    for customer, amount in (("ann", 5000), ("cleo", 4999)):
        refund = OrderRefunded(refund_id=f"r-{customer}", order_id=f"o-{customer}", amount=amount, currency="USD")
        tell(f"back-{customer}", customer, 3, refund)
    tell(
        "off-bob", "bob", 3, OrderClosed(order_id="o-bob", state="closed", currency="USD", goods_paid=5000, revision=1)
    )
    producer = Producer(kafka.bootstrap_servers, client="test")
    assert await producer.send([Outgoing(e.data.TOPIC, e.key.encode(), e.encode(), {}) for e in events]) == len(events)
    await producer.stop(5)

    async with serving(url, kafka) as client:

        async def surveys() -> Any:
            return (await client.get(f"/v1/shops/{shop}/surveys")).json()["items"]

        await until(surveys)
        await settled(client)
        assert [(s["customer"], s["order_id"]) for s in await surveys()] == [("cleo", "o-cleo")]
        report = (await client.get(f"/v1/shops/{shop}/report")).json()
        assert (report["questions_waiting"], report["surveys_requested"]) == (0, 1)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_r5_on_an_empty_database_the_process_reads_the_policy_back_from_kafka(
    database: EmptyDatabase, kafka: SharedKafka
) -> None:
    """Saved over HTTP, published by the relay, taken in by the service's own subscription; none of it dead."""
    await ensure_topics(kafka.bootstrap_servers, TOPICS)
    shop = f"s{uuid.uuid4().hex[:8]}"
    path = f"/v1/shops/{shop}/policy"
    event = settings_of(shop)
    producer = Producer(kafka.bootstrap_servers, client="test")
    assert await producer.send([Outgoing(event.data.TOPIC, event.key.encode(), event.encode(), {})]) == 1
    await producer.stop(5)
    async with serving(await database(), kafka) as client:
        for days in (14, 3):
            saved = await client.put(path, json={"policy": {"usage_question_days": days}})
            assert saved.status_code == 200
        await settled(client)
        expected = (await client.get(path)).json()
    assert [(v["version"], v["policy"]["usage_question_days"]) for v in expected["coming"]] == [(1, 14), (2, 3)]
    async with serving(await database(), kafka) as client:
        await settled(client)
        assert (await client.get(path)).json() == expected
        assert [dead for dead in (await client.get("/ops/dead")).json() if dead["shop"] == shop] == []
