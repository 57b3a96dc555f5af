"""P2: events a second of one ingest process over HTTP, durable when answered."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import asyncpg

from bench import machine
from bench.figures import Figure, Result
from bench.servers import API_KEY, Failed, Servers, run, serving
from common.storage.migrate import driver_url
from regulars.stack.usage import memory_mb


@dataclass(frozen=True, slots=True)
class Size:
    """Events sent before the watch starts, in batches of 500, and one by one."""

    warm: int = 2_000
    batched: int = 30_000
    single: int = 8_000

    @property
    def events(self) -> int:
        return self.warm * 2 + self.batched + self.single


BATCH_CONNECTIONS, SINGLE_CONNECTIONS = 4, 64


async def measure(servers: Servers, result: Result, seed: int, size: Size) -> None:
    """The real process, then the bare route on the same rows."""
    load = machine.load()
    url = await servers.database("orders-ingest")
    with serving(
        servers.folder, "orders-ingest", ["orders_ingest.main", "serve"], servers.settings("orders-ingest", url)
    ) as (
        address,
        pid,
    ):
        batched, single = await _load(address, seed, size, url)
        memory = memory_mb(pid)
    model = {"BENCH_MODEL": url, "BENCH_MODEL_EVENTS": str(size.events)}
    bare_url = await servers.database("orders-ingest")
    bare_load = machine.load()
    bare_env = servers.settings("orders-ingest", bare_url, **model)
    with serving(servers.folder, "bare-route", ["bench.bare_route"], bare_env) as (address, _):
        bare_batched, bare_single = await _load(address, seed, size, None)
    result.figures.append(
        Figure(
            "P2",
            "ingest over HTTP, batches of 500",
            batched["rate"],
            "events/s",
            load,
            bare_batched["rate"],
            least=7_500,
            least_of_limit=0.4,
        )
    )
    result.figures.append(
        Figure(
            "P2",
            f"ingest over HTTP, single, {SINGLE_CONNECTIONS} connections",
            single["rate"],
            "requests/s",
            load,
            bare_single["rate"],
            least=2_500,
            least_of_limit=0.65,
        )
    )
    result.notes.append(
        f"P2 single: an answer takes {single['p50_ms']:.0f} ms (p50) and {single['p99_ms']:.0f} ms (p99) with "
        f"{SINGLE_CONNECTIONS} requests under way at any time; the process holds {memory:.0f} MB afterwards. Its relay "
        "publishes meanwhile, as it always does; the limit has none. The client shares the machine's cores. "
        f"Load before the limit's run {bare_load}."
    )


async def _load(address: str, seed: int, size: Size, url: str | None) -> tuple[dict[str, float], dict[str, float]]:
    """Batches, then singles; `url` is the database whose outbox must be empty before the next is measured."""
    warm = await _send("batches", address, seed + 1, 0, size.warm, BATCH_CONNECTIONS)
    batched = await _send("batches", address, seed + 2, 0, size.batched, BATCH_CONNECTIONS)
    if url is not None:
        await _published(url)
    warm_single = await _send("singles", address, seed + 3, 0, size.warm, SINGLE_CONNECTIONS)
    single = await _send("singles", address, seed + 4, 0, size.single, SINGLE_CONNECTIONS)
    refused = sum(each["refused"] for each in (warm, batched, warm_single, single))
    if refused:
        raise Failed(f"{refused:.0f} events of the measurement were not accepted")
    return batched, single


async def _send(kind: str, address: str, seed: int, first: int, events: int, connections: int) -> dict[str, float]:
    argv = ["bench.client", kind, address, *map(str, (seed, first, events, connections))]
    answer = await run(argv, {**os.environ, "BENCH_KEY": API_KEY})
    answer["rate"] = answer["events"] / answer["seconds"]
    return answer


async def _published(url: str) -> None:
    connection = await asyncpg.connect(driver_url(url))
    try:
        # What the relay has yet to publish.
        while await connection.fetchval("select count(*) from outbox where published_at is null"):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    finally:
        await connection.close()
