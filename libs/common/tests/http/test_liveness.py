"""Liveness is answered while the event loop is busy, and denied when it does not turn any more."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from common.http.liveness import Pulse, answer_in_thread


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(dead_after_s=3600)


@pytest.fixture
def server(pulse: Pulse) -> Iterator[ThreadingHTTPServer]:
    server = answer_in_thread(pulse, "127.0.0.1", 0)
    yield server
    server.shutdown()
    server.server_close()


def ask(server: ThreadingHTTPServer, path: str = "/health/live", method: str = "GET") -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_a_batch_that_keeps_the_loop_busy_is_no_death(pulse: Pulse, server: ThreadingHTTPServer) -> None:
    """A15: pure Python that never yields, as a fold of thousands of late inputs; it lasts until the answer is there."""
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(ask(server)))
    turned = asyncio.create_task(asyncio.sleep(0))
    asking.start()
    hang = time.monotonic() + 60
    while not answers and time.monotonic() < hang:
        sum(n * n for n in range(1_000))
    assert answers == [200]
    assert not turned.done(), "the loop has not turned meanwhile"
    asking.join()


async def test_a_loop_that_does_not_turn_any_more_is_dead(pulse: Pulse, server: ThreadingHTTPServer) -> None:
    pulse._at -= 3601
    assert await asyncio.to_thread(ask, server) == 503
    stopping = asyncio.Event()
    beating = asyncio.create_task(pulse.beat(stopping))
    await asyncio.sleep(0)
    assert await asyncio.to_thread(ask, server, method="HEAD") == 200
    assert await asyncio.to_thread(ask, server, "/metrics") == 404
    stopping.set()
    await beating
