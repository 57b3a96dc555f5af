"""The whole process works, from an event on Kafka to a mail, and when it is killed."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from common.bus.broker import Outgoing, Producer, ensure_topics
from common.events import Event
from common.events.topics import TOPICS
from messaging.limits.contact_hours.state import Window
from messaging.policy.state import Policy
from messaging.policy.store import POLICIES
from regulars.stack.mailsink import MailSink
from regulars.stack.ports import free_port
from regulars.testing import SharedKafka, settings_of

from .conftest import API_KEY


def record(event: Event[Any]) -> Outgoing:
    headers = {"type": event.type.encode(), "shop": event.shop.encode()}
    return Outgoing(event.data.TOPIC, event.key.encode(), event.encode(), headers)


class SlowSink(MailSink):
    """Takes its time, so that a kill comes while mails are leaving."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        await asyncio.sleep(0.02)
        return await super().handle_RCPT(server, session, envelope, address, options)


@dataclass
class Process:
    """`messaging serve` on the test's database, Kafka and mail sink."""

    environment: dict[str, str]
    child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "messaging.main", "serve", env=self.environment, stdout=asyncio.subprocess.DEVNULL
        )

    async def until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(200):
            while not await ready():
                assert self.child is not None
                assert self.child.returncode is None, "the service ended"
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals) -> int:
        assert self.child is not None
        if self.child.returncode is None:
            self.child.send_signal(number)
        return await asyncio.wait_for(self.child.wait(), 30)


@pytest_asyncio.fixture
async def sink(tmp_path: Path) -> AsyncIterator[SlowSink]:
    async with SlowSink(tmp_path / "slow.jsonl") as made:
        yield made


@pytest_asyncio.fixture
async def process(messaging: Any, kafka: SharedKafka, sink: SlowSink) -> AsyncIterator[Process]:
    await ensure_topics(kafka.bootstrap_servers, TOPICS, 1)
    made = Process(
        os.environ
        | {
            "DATABASE_URL": messaging.database.engine.url.render_as_string(hide_password=False),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "HTTP_PORT": str(free_port()),
            "MASTER_KEY": base64.b64encode(messaging.master).decode(),
            "SMTP_PORT": str(sink.port),
            "BOOTSTRAP_API_KEY": API_KEY,
        }
    )
    yield made
    if made.child is not None:
        await made.end(signal.SIGKILL)


async def publish(kafka: SharedKafka, events: Sequence[Event[Any]]) -> None:
    producer = Producer(kafka.bootstrap_servers, client="test")
    await producer.start()
    assert await producer.send([record(e) for e in events]) == len(events)
    await producer.stop()


@pytest.mark.slow
async def test_an_order_notice_goes_from_kafka_to_the_mail_server(
    messaging: Any, kafka: SharedKafka, sink: SlowSink, process: Process
) -> None:
    """MSG-008 through a process of its own; SIGTERM ends it with code 0 and nothing leased."""
    await process.start()
    now = datetime.now(UTC)
    await publish(kafka, [*messaging.known("k1", at=now), messaging.notice("o1", now, customer="k1")])

    async def announced() -> bool:
        sql = "select 1 from outbox where type = 'message.sent' and published_at is not null"
        return len(await messaging.rows(sql)) == 1

    await process.until(announced)
    assert [m["to"] for m in sink.mails()] == [["k1@example.test"]]
    assert await process.end(signal.SIGTERM) == 0
    assert await messaging.rows("select state from messages") == [("sent",)]


@pytest.mark.slow
async def test_r5_on_an_empty_database_the_process_reads_the_policies_back_from_kafka(
    messaging: Any, rebuilt: Any, kafka: SharedKafka, process: Process
) -> None:
    """Saved over HTTP, published by the relay, taken in by the service's own subscription; none of it dead."""
    shop = f"s{uuid.uuid4().hex[:8]}"
    await publish(kafka, [settings_of(shop)])
    versions = "select version, at, cast(policy as text) from policies where shop = :shop order by version"
    await process.start()
    address = f"http://127.0.0.1:{process.environment['HTTP_PORT']}"
    async with httpx.AsyncClient(
        base_url=address, headers={"authorization": f"Bearer {API_KEY}"}, timeout=60
    ) as client:

        async def ready() -> bool:
            try:
                return (await client.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await process.until(ready)
        for cap in (4, 2):
            policy = {"caps": {"all_channels": cap}, "blackout_dates": ["2025-06-18"]}
            assert (await client.put(f"/v1/shops/{shop}/policy", json={"policy": policy})).status_code == 200

    async def published() -> bool:
        return len(await messaging.rows("select 1 from outbox where published_at is not null")) == 2

    await process.until(published)
    assert await process.end(signal.SIGTERM) == 0
    process.environment["DATABASE_URL"] = rebuilt.database.engine.url.render_as_string(hide_password=False)
    await process.start()
    saved = await messaging.rows(versions, shop=shop)

    async def back() -> bool:
        return len(await rebuilt.rows(versions, shop=shop)) == 2

    await process.until(back)
    assert await process.end(signal.SIGTERM) == 0
    assert await rebuilt.rows(versions, shop=shop) == saved
    assert await rebuilt.rows("select * from dead_events where shop = :shop", shop=shop) == []


@pytest.mark.slow
@pytest.mark.timeout(1500)  # two starts of a process, on a machine that does other things too
async def test_a_killed_process_sends_no_offer_twice_and_every_message_comes_to_an_end(
    messaging: Any, sink: SlowSink, process: Process
) -> None:
    """M1, MSG-057: SIGKILL between hand-off and record. In doubt, an offer is `unknown`, a notice is sent again."""
    now = datetime.now(UTC)
    customers = [f"c{n:02}" for n in range(40)]
    async with messaging.database.transaction() as tx:
        all_day = Policy(windows=(Window(start=time(0), end=time(23, 59, 59, 999999)),))
        assert await POLICIES.insert(tx, "s", 1, now, all_day)
    await messaging.feed(*[e for c in customers for e in messaging.known(c, at=now)])
    await messaging.feed(*[messaging.notice("o1", now, customer=c) for c in customers])
    await messaging.feed(*[messaging.tier_up(1, now, customer=c) for c in customers])

    async def some_left() -> bool:
        return sink.count >= 10

    async def all_ended() -> bool:
        # A lease runs 45 s by the database's clock; the test need not wait for it.
        await messaging.rows(
            "update messages set lease_until = now() - interval '1 s' where lease = any(:left) returning 1", left=left
        )
        # Notices leave while the consumer is still behind; the offers are decided when it has caught up.
        open_ones = """
            select 1 from messages where state in ('queued', 'leased')
            union all select 1 from candidates where customer = any(:customers) and release_at is not null
        """
        return not await messaging.rows(open_ones, customers=customers)

    await process.start()
    await process.until(some_left)
    await process.end(signal.SIGKILL)
    left = [lease for (lease,) in await messaging.rows("select distinct lease from messages where state = 'leased'")]
    assert left, "the kill came while messages were leaving"
    await process.start()
    await process.until(all_ended)
    assert await process.end(signal.SIGTERM) == 0
    # The process also reads what other tests left on the shared Kafka; that is no matter of this one.
    mine = "from messages where customer = any(:customers)"
    purposes = dict(await messaging.rows(f"select message_id, purpose {mine}", customers=customers))
    arrived = (m["message_id"].strip("<>").split("@")[0] for m in sink.mails())
    received = Counter(message for message in arrived if message in purposes)
    assert len(purposes) == 80
    assert all(n == 1 for message, n in received.items() if purposes[message] == "marketing")
    assert {m for m, purpose in purposes.items() if purpose == "transactional"} <= received.keys(), "no notice is lost"
    ended = dict(await messaging.rows(f"select message_id, state {mine}", customers=customers))
    assert all(ended[m] == "unknown" for m in purposes if m not in received), "in doubt, not lost"
    assert set(ended.values()) <= {"sent", "unknown"}
