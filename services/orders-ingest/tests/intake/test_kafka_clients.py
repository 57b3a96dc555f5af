"""A shop's own topic, written by another client (confluent-kafka) in every mode and with every codec (ORD-001)."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import httpx
import orjson
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from common.process.runtime import Runtime
from common.storage.database import Database
from orders_ingest.jobs.intake import Intake
from regulars.testing import SharedKafka

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SETTINGS = {"zone": "Europe/Berlin", "currency": "EUR"}
SHOP = f"confluent-{uuid.uuid4().hex[:8]}"
"""Its topic is nobody else's, also where this Kafka is kept."""


def messages(codec: str) -> list[tuple[str, KafkaMessage]]:
    """(id, message) of one event in binary and one in structured mode, as the CloudEvents SDK makes them."""
    found = []
    for mode, make in (("binary", to_binary_event), ("structured", to_structured_event)):
        id_ = f"{codec}-{mode}"
        attributes = {
            "id": id_,
            "type": "product.viewed",
            "source": f"/shops/{SHOP}/backend",
            "subject": "安妮",
            "shop": SHOP,
            "time": datetime(2026, 3, 5, 11, tzinfo=UTC),
            "datacontenttype": "application/json",
        }
        found.append((id_, make(CloudEvent(attributes, {"sku": "龙井-250"}))))
    return found


def write(bootstrap: str) -> set[str]:
    """Write all of them, and one broken record in binary mode; returns the good ones' ids once all are acknowledged."""
    sent = set()
    for codec in CODECS:
        producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 50})
        for id_, message in messages(codec):
            headers: list[tuple[str, str | bytes | None]] = [*message.headers.items()]
            producer.produce(f"intake.{SHOP}", message.value, b"anne", headers=headers)
            sent.add(id_)
        if codec == "none":
            broken = {"ce_id": "broken", "ce_type": "product.viewed", "ce_source": f"/shops/{SHOP}/backend"}
            producer.produce(f"intake.{SHOP}", b'{"sku":"s-1"}', b"anne", headers=[*broken.items()])
        assert producer.flush(30) == 0
    return sent


async def test_every_mode_and_codec_is_taken_and_a_broken_one_is_kept_whole(
    api: httpx.AsyncClient, runtime: Runtime, intake: Intake, db: Database, kafka: SharedKafka
) -> None:
    assert (await api.put(f"/v1/shops/{SHOP}/settings", json=SETTINGS)).status_code == 200
    assert (await api.put(f"/v1/shops/{SHOP}/intake", json={"enabled": True})).status_code == 200
    sent = await asyncio.to_thread(write, kafka.bootstrap_servers)
    await intake.look()
    async with asyncio.timeout(60):
        while True:
            async with db.transaction() as tx:
                taken = await tx.fetch(
                    "select id from outbox where shop = :shop and type = 'product.viewed'", shop=SHOP
                )
                dead = await tx.fetch("select slug, body from dead_events")
            if len(taken) == len(sent) and dead:
                break
            await asyncio.sleep(0.05)
    assert {row.id for row in taken} == sent
    [row] = dead
    assert row.slug == "missing_time"
    kept = orjson.loads(runtime.open_dead(bytes(row.body)))
    assert (kept["id"], kept["data"]) == ("broken", {"sku": "s-1"})
    mended = orjson.dumps({**kept, "subject": "anne", "time": "2026-03-05T11:00:00Z"}).decode()
    [dead_event] = (await api.get("/ops/dead")).json()
    answer = await api.post(f"/ops/dead/{dead_event['dead_id']}/resend", json={"body": mended})
    assert answer.json()["outcome"] == "new", answer.text
