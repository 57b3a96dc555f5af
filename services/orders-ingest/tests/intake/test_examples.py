"""The examples of docs/asyncapi.json are valid, and both doors take each as it is printed (ORD-001)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import orjson
import pytest_asyncio

from common.bus.broker import Outgoing, Producer
from common.events import EVENTS
from common.storage.database import Database
from orders_ingest.intake.checks import TAKEN
from orders_ingest.jobs.intake import Intake
from regulars.testing import SharedKafka

DOCUMENT = Path(__file__).parents[4] / "docs" / "asyncapi.json"
SETTINGS = {"zone": "Europe/Berlin", "currency": "EUR"}


def messages() -> list[dict[str, Any]]:
    """Those of the intake's channel, in order of type."""
    document = orjson.loads(DOCUMENT.read_bytes())
    found = [document["components"]["messages"][name] for name in sorted(document["channels"]["intake"]["messages"])]
    assert found
    return found


def examples() -> list[dict[str, Any]]:
    return [example["payload"] for message in messages() for example in message["examples"]]


def test_every_kind_that_is_taken_has_an_example_that_is_valid() -> None:
    assert {m["name"] for m in messages()} == {name for name, kind in EVENTS.items() if issubclass(kind, TAKEN)}
    for message in messages():
        validator = jsonschema.Draft202012Validator(message["payload"])
        [example] = message["examples"]
        assert list(validator.iter_errors(example["payload"])) == []


async def test_the_first_example_of_the_readme_is_taken_as_it_is_printed(api: httpx.AsyncClient) -> None:
    readme = (DOCUMENT.parents[1] / "README.md").read_text()
    body = readme.partition("```json\n")[2].partition("```")[0]
    headers = {"content-type": "application/json"}
    answer = await api.post("/v1/shops/demo/events", content=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted"), answer.text


async def test_each_is_taken_over_http(api: httpx.AsyncClient) -> None:
    assert (await api.put("/v1/shops/teahouse/settings", json=SETTINGS)).status_code == 200
    for example in examples():
        answer = await api.post("/v1/shops/teahouse/events", json=example)
        assert (answer.status_code, answer.json()) == (202, {"id": example["id"], "status": "accepted"}), answer.text


@pytest_asyncio.fixture
async def producer(kafka: SharedKafka) -> AsyncIterator[Producer]:
    made = Producer(kafka.bootstrap_servers, client="shop")
    await made.start()
    yield made
    await made.stop()


async def test_each_is_taken_on_the_intake_topic(
    api: httpx.AsyncClient, intake: Intake, db: Database, producer: Producer
) -> None:
    # Under a name of its own, since others may have written to this Kafka.
    shop = f"teahouse-{uuid.uuid4().hex[:8]}"
    assert (await api.put(f"/v1/shops/{shop}/settings", json=SETTINGS)).status_code == 200
    assert (await api.put(f"/v1/shops/{shop}/intake", json={"enabled": True})).status_code == 200
    sent = examples()
    left = [
        Outgoing(f"intake.{shop}", b"ann", orjson.dumps(each).replace(b"teahouse", shop.encode()), {}) for each in sent
    ]
    while left:
        left = left[await producer.send(left) :]  # of the rest nothing is known: an event counts once
    await intake.look()
    async with asyncio.timeout(60):
        while True:
            async with db.transaction() as tx:
                rows = await tx.fetch(
                    "select id from outbox where shop = :shop and payload like '%\"claimed\"%'", shop=shop
                )
                dead = await tx.fetch("select slug, detail from dead_events")
            assert [tuple(row) for row in dead] == []
            if len(rows) == len(sent):
                break
            await asyncio.sleep(0.05)
    assert {row.id for row in rows} == {each["id"] for each in sent}
