"""A shop's JavaScript backend: kafkajs with every codec, and the CloudEvents SDK in every mode (ORD-001).

Run on request, since it fetches packages: `JAVASCRIPT_CLIENTS=1 make test ARGS=services/orders-ingest/tests/intake/…`;
`JAVASCRIPT_MODULES` names a node_modules that is there already.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path

import httpx
import orjson
import pytest
import uvicorn

from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Runtime
from common.storage.database import Database
from orders_ingest.jobs.intake import Intake
from regulars.testing import SharedKafka

SHOP = f"javascript-{uuid.uuid4().hex[:8]}"
"""Its topic is nobody else's, also where this Kafka is kept."""
CODECS, MODES = ("None", "GZIP", "Snappy", "LZ4", "ZSTD"), ("binary", "structured")
HERE = Path(__file__).parent / "javascript"


async def run(*command: str, at: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=at, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()
    return said.decode()


@pytest.mark.skipif(not os.environ.get("JAVASCRIPT_CLIENTS"), reason="JAVASCRIPT_CLIENTS=1 fetches its packages")
async def test_every_mode_and_codec_of_javascript_is_taken(
    api: httpx.AsyncClient, runtime: Runtime, intake: Intake, db: Database, kafka: SharedKafka, tmp_path: Path
) -> None:
    for file in HERE.iterdir():
        shutil.copy(file, tmp_path)
    if modules := os.environ.get("JAVASCRIPT_MODULES"):
        (tmp_path / "node_modules").symlink_to(modules)
    else:
        await run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", at=tmp_path)
    settings = {"zone": "Europe/Berlin", "currency": "EUR"}
    assert (await api.put(f"/v1/shops/{SHOP}/settings", json=settings)).status_code == 200
    assert (await api.put(f"/v1/shops/{SHOP}/intake", json={"enabled": True})).status_code == 200
    server = uvicorn.Server(
        uvicorn.Config(build_app(runtime, Readiness()), port=0, log_level="warning", lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        key = api.headers["authorization"].removeprefix("Bearer ")
        said = await run(
            *("node", "send.mjs", kafka.bootstrap_servers, f"http://127.0.0.1:{port}", key, SHOP), at=tmp_path
        )
        await intake.look()
        sent = set(orjson.loads(said))
        assert {f"kafkajs-{codec}-{mode}" for codec in CODECS for mode in MODES} < sent
        async with asyncio.timeout(60):
            while True:
                async with db.transaction() as tx:
                    rows = await tx.fetch(
                        "select id, payload from outbox where shop = :shop and type = 'product.viewed'", shop=SHOP
                    )
                    assert await tx.value("select count(*) from dead_events") == 0
                if len(rows) == len(sent):
                    break
                await asyncio.sleep(0.05)
    finally:
        server.should_exit = True
        await serving
    assert {row.id for row in rows} == sent
    assert {orjson.loads(row.payload)["data"]["sku"] for row in rows} == {"龙井-250"}
    assert {orjson.loads(row.payload)["subject"] for row in rows} == {"安妮", "anne"}
