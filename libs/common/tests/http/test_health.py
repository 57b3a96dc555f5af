"""A process stays alive when its database is away, and says that it is not ready."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from common.http.app import build_app
from common.http.health import NotReady, Readiness, check_consumer, check_database, router
from common.process.runtime import Runtime
from common.storage.database import Database


async def get(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path)


async def test_ready_when_the_database_answers(runtime: Runtime) -> None:
    readiness = Readiness(["api", "relay"])
    readiness.add("database", lambda: check_database(runtime.database))
    answer = await get(build_app(runtime, readiness), "/health/ready")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "parts": ["api", "relay"], "checks": {"database": "ok"}},
    )


async def test_alive_but_not_ready_when_the_database_is_away() -> None:
    """XCT-006: health checks."""
    app, readiness, away = FastAPI(), Readiness(), Database("postgresql+asyncpg://u:pa55@127.0.0.1:1/d")
    readiness.add("database", lambda: check_database(away))
    app.include_router(router(readiness))
    assert (await get(app, "/health/live")).status_code == 200
    answer = await get(app, "/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "parts": [], "checks": {"database": "ConnectionRefusedError"}}


async def test_a_check_that_hangs_is_not_waited_for_and_the_others_are_shown() -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    async def notes() -> str:
        return "paused: BrokerUnavailable"

    readiness = Readiness(within_s=0.05)
    readiness.add("slow", hangs)
    readiness.add("consumer", notes)
    found = await readiness.ask()
    assert found.ready is False
    assert found.checks == {"slow": "no answer within 0.05 s", "consumer": "paused: BrokerUnavailable"}


def consumer(
    state: str,
    stopped: str | None = None,
    paused: str | None = None,
    silent_s: float = 0.5,
    at_hand: int = 0,
) -> Any:
    """Only what the check reads; the real consumer's own tests bring it into each state."""
    broker = SimpleNamespace(assigned=frozenset({1, 2}), seconds_since_progress=silent_s)
    return SimpleNamespace(state=state, stopped=stopped, paused=paused, broker=broker, at_hand=at_hand)


async def test_a_consumer_that_waits_is_noted_and_leaves_the_api_ready() -> None:
    """XCT-006: health checks. HTTP needs no partition: a rebalance takes no process out of the balancer."""
    assert await check_consumer(consumer("reading")) == "reading: 2 partitions"
    assert await check_consumer(consumer("paused", paused="BrokerUnavailable")) == "paused: BrokerUnavailable"
    assert await check_consumer(consumer("joining")) == "joining: the partitions are being shared out"
    assert await check_consumer(consumer("spare")) == "spare: other processes hold all partitions"
    assert await check_consumer(consumer("reading", silent_s=9)) == "nothing read, nor heard from Kafka, for 9 s"
    assert await check_consumer(consumer("reading", silent_s=9, at_hand=558)) == "at work on 558 records for 9 s"


@pytest.mark.parametrize("why", ["fuse blown: 101 events failed", "stopped: order.paid is read in version 1, not 2"])
async def test_who_reads_no_more_until_somebody_acts_is_not_ready(why: str) -> None:
    """Its API answers, but what it shows grows old: an operator must hear of it."""
    with pytest.raises(NotReady, match=why):
        await check_consumer(consumer("stopped", stopped=why))
