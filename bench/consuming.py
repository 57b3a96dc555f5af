"""The speed of one process from Kafka to the database: the product's own, and that of the least there is to do.

Run by the measurement as a process of its own: `python -m bench.consuming product|limit <service> <warm> <events>`.
Prints {"seconds", "cpu", "events", "batches"} of the events after the warm-up.
"""

from __future__ import annotations

import cProfile
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg
import uvloop

from bench.decoding import read
from bench.rows import Copier, read_tables
from bench.servers import service_of
from common.bus.broker import Consumer, Position
from common.process import logs
from common.process.collector import settle_collector
from common.process.runtime import make_runtime
from common.process.settings import Settings, load_settings
from common.storage.migrate import driver_url

PATIENCE_S = 120.0
Step = Callable[[], Awaitable[int]]


async def measure(step: Step, warm: int, events: int) -> dict[str, float]:
    """Take `warm` events, or the batch more that a poll brings, without the watch, then the rest of both with it."""
    # CPU time, so that what others do on the machine does not show; waiting does not, either.
    profile = cProfile.Profile(time.process_time) if os.environ.get("BENCH_PROFILE") else None
    warmed, _ = await _take(step, warm)
    began, cpu = time.perf_counter(), time.process_time()
    if profile is not None:
        profile.enable()
    taken, batches = await _take(step, warm + events - warmed)
    if profile is not None:
        profile.disable()
        profile.dump_stats(os.environ["BENCH_PROFILE"])
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "events": taken,
        "batches": batches,
    }


async def _take(step: Step, events: int) -> tuple[int, int]:
    taken = batches = 0
    heard = time.monotonic()
    while taken < events:
        now = await step()
        if now:
            taken, batches, heard = taken + now, batches + 1, time.monotonic()
        elif time.monotonic() - heard > PATIENCE_S:
            raise TimeoutError(f"only {taken} of {events} events came within {PATIENCE_S:.0f} s")
    return taken, batches


async def product(service: str, settings: Settings, warm: int, events: int) -> dict[str, float]:
    """The service's own consumer: fence, claim, lock, fold, save, announce, offsets; one transaction a batch."""
    runtime = await make_runtime(service_of(service), settings)
    consumer = runtime.consumer
    assert consumer is not None
    settle_collector()
    await consumer.broker.start()
    try:
        result = await measure(consumer.step, warm, events)
    finally:
        await consumer.stop()
        await runtime.database.close()
    if consumer.counts.dead or consumer.counts.duplicates:
        raise RuntimeError(f"{consumer.counts.dead} events died and {consumer.counts.duplicates} came twice")
    return result


async def limit(service: str, settings: Settings, warm: int, events: int) -> dict[str, float]:
    """Read the same records, validate them, and COPY the rows that the product made of them."""
    model = await read_tables(os.environ["BENCH_MODEL"])
    connection = await asyncpg.connect(driver_url(settings.database_url))
    copier = Copier(connection, model, int(os.environ["BENCH_MODEL_EVENTS"]))

    async def from_start(_: Sequence[Position]) -> Mapping[Position, int]:
        return {}

    consumer = Consumer(
        settings.kafka_bootstrap_servers,
        f"limit-{service}",
        ["orders"],
        client="limit",
        on_assigned=from_start,
        max_records=settings.max_batch,
    )
    await consumer.start()

    async def step() -> int:
        polled = await consumer.poll(0.5)
        if polled is None:
            return 0
        valid = [read(record.value or b"") for record in polled.records]
        await copier.copy(len(valid))
        return len(valid)

    try:
        return await measure(step, warm, events)
    finally:
        await consumer.stop(5)
        await connection.close()


async def _main(kind: str, service: str, warm: int, events: int) -> None:
    settings = load_settings(Settings)
    logs.configure(service, settings.log_level)
    work = {"product": product, "limit": limit}[kind]
    result = await work(service, settings, warm, events)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
