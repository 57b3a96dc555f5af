"""Single events sent at a given rate, whether the ones before were answered or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import orjson

from bench.living import Living
from bench.servers import Failed


async def send(
    stack: Living, shop: str, events: int, a_second: float, make: Callable[[int], Mapping[str, Any]]
) -> dict[str, float]:
    """Post each event alone, the n-th (from 0) at n / `a_second` seconds, made then.

    Answers when each id was accepted, in seconds since 1970. Raises Failed where one is not accepted.
    """
    url = f"{stack.state.services['orders-ingest']['PUBLIC_URL']}/v1/shops/{shop}/events"
    headers = {"Authorization": f"Bearer {stack.state.api_key}", "Content-Type": "application/cloudevents+json"}
    accepted: dict[str, float] = {}

    async def one(session: aiohttp.ClientSession, number: int, at: float) -> None:
        await asyncio.sleep(at - time.perf_counter())
        event = make(number)
        async with session.post(url, data=orjson.dumps(event)) as answer:
            content = await answer.read()
        if answer.status != 202 or b'"accepted"' not in content:
            raise Failed(f"an event was not accepted: {answer.status} {content[:200]!r}")
        accepted[event["id"]] = time.time()

    connector = aiohttp.TCPConnector(limit=256)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one(session, n, began + n / a_second) for n in range(events)))
    return accepted
