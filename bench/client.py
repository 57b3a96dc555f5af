"""The load client: as many requests as it can over a few connections, in a process of its own.

`python -m bench.client batches|singles <url> <seed> <first> <events> <connections>`; the key stands in
BENCH_KEY. Prints {"began", "seconds", "events", "refused", "p50_ms", "p99_ms"}.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import uvloop

from bench import workload

BATCH = 500
CUSTOMERS_SHARE = 0.2
_TYPES = {"batches": "application/cloudevents-batch+json", "singles": "application/cloudevents+json"}


def bodies(kind: str, seed: int, first: int, events: int, now: datetime) -> list[tuple[bytes, int]]:
    """The requests' bodies with their numbers of events, made before the watch starts."""
    everything = first + events
    customers = max(1, int(everything * CUSTOMERS_SHARE))
    made = workload.orders(seed, everything, customers, paid=False, end=now, span=timedelta(hours=1))
    dicts: Iterator[dict[str, Any]] = (event.as_dict() for event in itertools.islice(made, first, None))
    if kind == "singles":
        return [(orjson.dumps(each), 1) for each in dicts]
    found = []
    while batch := list(itertools.islice(dicts, BATCH)):
        found.append((orjson.dumps(batch), len(batch)))
    return found


async def send(kind: str, url: str, requests: list[tuple[bytes, int]], connections: int) -> dict[str, float]:
    """Each connection takes the next request as soon as it has its answer; anything but all accepted is counted."""
    left = iter(requests)
    times: list[float] = []
    refused = 0
    headers = {"Authorization": f"Bearer {os.environ['BENCH_KEY']}", "Content-Type": _TYPES[kind]}

    async def one(session: aiohttp.ClientSession) -> None:
        nonlocal refused
        for body, events in left:
            began = time.perf_counter()
            async with session.post(f"{url}/v1/shops/{workload.SHOP}/events", data=body) as answer:
                content = await answer.read()
            times.append(time.perf_counter() - began)
            if answer.status != 202 or content.count(b'"accepted"') != events:
                refused += events

    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(connections)))
        seconds = time.perf_counter() - began
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return {
        # The clock that all processes of a machine share, so that the caller can go on measuring from there.
        "began": began,
        "seconds": seconds,
        "events": sum(events for _, events in requests),
        "refused": refused,
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
    }


def _main() -> None:
    kind, url, seed, first, events, connections = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
    requests = bodies(kind, seed, first, events, datetime.now(UTC))
    print(json.dumps(uvloop.run(send(kind, url, requests, connections))), flush=True)


if __name__ == "__main__":
    _main()
