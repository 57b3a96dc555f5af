"""The master key is replaced while requests come in: none fails, and in the end the old one opens nothing (S6)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import count

import httpx
import orjson
from pydantic import SecretStr

from common.crypto.keys import KeyRing, get_keys
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Runtime
from common.process.settings import Settings
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.jobs.keys import rewrapping
from orders_ingest.main import SERVICE

MASTER = bytes(range(32))
KEY = "an-administrators-key-of-tests"
NEW = base64.b64encode(bytes(range(1, 33))).decode()
STEPS: tuple[dict[str, str], ...] = (
    {},
    {"master_keys": f"2026-11 {NEW}"},
    {"master_keys": f"2026-11 {NEW}", "master_key_id": "2026-11"},
)
"""The settings of a process before, with the new key to read with, and with it to write with."""


def process(db: Database, clock: FixedClock, step: dict[str, str]) -> Runtime:
    settings = Settings(
        database_url="postgresql://unused@localhost/unused",
        kafka_bootstrap_servers="localhost:1",
        master_key=SecretStr(base64.b64encode(MASTER).decode()),
        bootstrap_api_key=SecretStr(KEY),
        master_keys=SecretStr(step["master_keys"]) if "master_keys" in step else None,
        master_key_id=step.get("master_key_id"),
    )
    masters = settings.all_master_keys()
    return Runtime(SERVICE, settings, clock, db, KeyRing(masters), masters.founding)


@asynccontextmanager
async def served(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(runtime, Readiness())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client
    if hasattr(app.state, "collector"):
        await app.state.collector.close()


async def test_the_master_key_is_replaced_without_a_failed_request(db: Database, clock: FixedClock) -> None:
    numbers, names = count(1), dict[str, str]()

    async def ask(*processes: httpx.AsyncClient) -> None:
        """A new customer by each process, and all customers read by each."""
        for one in processes:
            number = next(numbers)
            customer, name = f"c-{number}", f"Ann {number}"
            registered = (clock.now() - timedelta(days=1)).isoformat()
            body = {"customers": [{"id": customer, "name": name, "registered_at": registered}]}
            told = await one.post("/v1/shops/demo/customers", json=body)
            assert (told.status_code, told.json()["results"][0]["status"]) == (202, "accepted"), told.text
            names[customer] = name
        for one in processes:
            for customer, name in names.items():
                found = await one.get(f"/v1/shops/demo/customers/{customer}/personal", params={"fields": "name"})
                assert (found.status_code, found.json()["fields"]) == (200, {"name": name}), found.text

    runtimes = [process(db, clock, step) for step in STEPS]
    async with AsyncExitStack() as stack:
        before, reading, writing = [await stack.enter_async_context(served(each)) for each in runtimes]
        # A rolling restart has processes of two steps side by side, never of three.
        for side_by_side in ((before,), (before, reading), (reading,), (reading, writing), (writing,)):
            await ask(*side_by_side)
        # What the sweep wraps anew, every process still opens.
        job, done = rewrapping(runtimes[2].keys), 0
        while True:
            async with db.transaction() as tx:
                rows = await job.batch(tx, clock.now(), 2)
            if not rows:
                break
            done += rows
            await ask(reading, writing)
    assert done >= 4
    async with db.transaction() as tx:
        kept = await get_keys(tx, [("demo", customer) for customer in names])
        told = await tx.fetch("select payload from outbox where type = 'customer.key_issued' order by seq")
    assert all((row.wrapped or "").startswith("2026-11.") for row in kept.values()), "the old key opens one of them"
    # The topic tells every service the same: of each customer the last record, which compaction keeps.
    last = {body["subject"]: body["data"]["wrapped"] for body in (orjson.loads(row.payload) for row in told)}
    assert {customer: row.wrapped for (_, customer), row in kept.items()} == last
    assert len({orjson.loads(row.payload)["id"] for row in told}) == len(told)
