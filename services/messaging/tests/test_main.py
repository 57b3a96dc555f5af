"""Does the whole process work: from an event on Kafka to a mail, with its fact on Kafka, and does it stop in order?"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from common.broker import Outgoing, Producer, ensure_topics
from common.events import Event
from common.events.topics import TOPICS
from messaging.main import SERVICE
from regulars.stack.mailsink import MailSink
from regulars.testing import SharedKafka


def record(event: Event[Any]) -> Outgoing:
    headers = {"type": event.type.encode(), "shop": event.shop.encode()}
    return Outgoing(event.data.TOPIC, event.key.encode(), event.encode(), headers)


async def until(ready: Any, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while not await ready():
            assert process.returncode is None, "the service ended"
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_an_order_notice_goes_from_kafka_to_the_mail_server(
    messaging: Any, kafka: SharedKafka, mailsink: MailSink, unused_tcp_port: int
) -> None:
    """MSG-008 through a process of its own; SIGTERM ends it with code 0 and nothing leased."""
    await ensure_topics(kafka.bootstrap_servers, TOPICS, 1)
    url = messaging.database.engine.url.render_as_string(hide_password=False)
    environment = os.environ | {
        "DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "HTTP_PORT": str(unused_tcp_port),
        "MASTER_KEY": base64.b64encode(messaging.master).decode(), "SMTP_PORT": str(mailsink.port),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "messaging.main", "serve", env=environment)
    producer = Producer(kafka.bootstrap_servers, client="test")
    await producer.start()
    try:
        now = datetime.now(UTC)
        events = [*messaging.known(at=now), messaging.notice("o1", now)]
        assert await producer.send([record(e) for e in events]) == len(events)

        async def told() -> bool:
            rows = await messaging.rows("select 1 from outbox where type = 'message.sent' and published_at is not null")
            return len(rows) == 1

        await until(told, process)
        assert [m["to"] for m in mailsink.mails()] == [["c1@example.test"]]
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        assert await messaging.rows("select state from messages") == [("sent",)]
    finally:
        await producer.stop()
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_service_is_named_as_its_folder_says() -> None:
    assert SERVICE.name == "messaging"
