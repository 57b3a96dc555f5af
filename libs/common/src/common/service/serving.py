"""Runs the parts of one service, all or some, on one event loop until it is to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Collection, Coroutine
from functools import partial
from typing import Any

import structlog
import uvicorn

from common.http import health
from common.http.app import build_app
from common.http.liveness import Pulse, answer_in_thread
from common.http.parsing import Protocol
from common.process.collector import settle_collector
from common.process.observing import observe
from common.process.runtime import PARTS, Part, Runtime, Service, build_runtime
from common.process.settings import Settings
from common.service.starting import STARTING, CannotStart, await_servers

log = structlog.get_logger()
STOP_WITHIN_S = 20
KEEP_ALIVE_S = 75
"""Longer than clients and proxies keep an idle connection, so that none sends a request into one that is closing."""


async def serve(
    service: Service, settings: Settings, *, migrating: bool = False, only: Collection[Part] = PARTS
) -> int:
    """Run these parts, of those that the service has, on one event loop until SIGTERM; returns the exit code.

    HTTP comes first, so that probes are answered while the database is waited for; then all else.
    """
    runtime = build_runtime(service, settings, only)
    runtime.refuses = STARTING
    pulse = Pulse()
    if settings.live_port is not None:
        answer_in_thread(pulse, settings.http_host, settings.live_port)
    readiness = _readiness(runtime)
    app = build_app(runtime, readiness)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=8,
            limit_concurrency=2000,
            proxy_headers=True,
            forwarded_allow_ips=settings.trusted_proxies,
            http=Protocol,
            loop="uvloop",
            lifespan="off",
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.stopping.set)
    tasks = {asyncio.create_task(server._serve(), name="http")}
    tasks.add(asyncio.create_task(pulse.beat(runtime.stopping), name="pulse"))
    stop = asyncio.create_task(runtime.stopping.wait())
    begin = asyncio.create_task(await_servers(runtime, migrating=migrating), name="start")
    done, _ = await asyncio.wait({*tasks, stop, begin}, return_when=asyncio.FIRST_COMPLETED)
    if done == {begin} and _error_of(begin) is None:
        settle_collector()
        tasks |= {asyncio.create_task(part, name=name) for name, part in _parts(runtime).items()}
        done, _ = await asyncio.wait({*tasks, stop}, return_when=asyncio.FIRST_COMPLETED)
    # A part that ends without an error when it is time to stop has done what it should.
    failed = [t for t in done if _error_of(t) is not None or (t not in (stop, begin) and not runtime.stopping.is_set())]
    for task in failed:
        error = _error_of(task)
        if isinstance(error, CannotStart):
            log.error("cannot_start", detail=str(error))
        else:
            log.error("part_ended", part=task.get_name(), detail=repr(error), exc_info=error)
    runtime.stop()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await _stop(runtime, server, tasks | {begin})
    except TimeoutError:
        log.error("stop_deadline", within_s=STOP_WITHIN_S)
        sys.stderr.flush()
        os._exit(0 if not failed else 1)
    return 1 if failed else 0


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    """What ended the task; a cancellation that nobody here has asked for counts as an error like any other."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _readiness(runtime: Runtime) -> health.Readiness:
    readiness = health.Readiness(runtime.parts)
    readiness.add("database", lambda: health.check_database(runtime.database, runtime.refuses))
    if "consumer" in runtime.parts:
        readiness.add("consumer", lambda: health.check_consumer(runtime.consumer))
    if runtime.relay is not None:
        readiness.add("relay", partial(health.check_relay, runtime.relay))
    if "sweeps" in runtime.parts:
        readiness.add("sweeps", lambda: health.check_sweeps(runtime.sweeper))
    for name, ask in runtime.service.notes.items():
        readiness.add(name, partial(health.note, runtime.database, ask))
    readiness.add("shops", lambda: health.check_follower(runtime.follower))
    return readiness


def _parts(runtime: Runtime) -> dict[str, Coroutine[Any, Any, None]]:
    """All parts of this process but HTTP, and what each process needs, not begun."""
    parts: dict[str, Coroutine[Any, Any, None]] = {}
    if "sweeps" in runtime.parts:
        parts["sweeps"] = runtime.sweeper.run()
        parts["pruning"] = runtime.pruner.run()
    if runtime.follower is not None:
        parts["shops"] = runtime.follower.run()
    if runtime.consumer is not None:
        parts["consumer"] = runtime.consumer.run()
    if runtime.relay is not None:
        parts["relay"] = runtime.relay.run()
    for part in runtime.parts:
        for work in runtime.service.background.get(part, ()):
            parts[work.__name__] = work(runtime)
    if runtime.settings.set_clock:
        parts["clock"] = runtime.follow_clock()
    parts["uses"] = runtime.uses.run(runtime.stopping)
    parts["metrics"] = observe(runtime, runtime.stopping)
    return parts


async def _stop(runtime: Runtime, server: uvicorn.Server, tasks: set[asyncio.Task[None]]) -> None:
    server.should_exit = True
    await runtime.sweeper.stop()
    await runtime.pruner.stop()
    if runtime.consumer is not None:
        await runtime.consumer.stop()
    if runtime.relay is not None:
        await runtime.relay.stop()
    if runtime.follower is not None:
        await runtime.follower.stop()
    _, pending = await asyncio.wait(tasks, timeout=10)
    for task in pending:
        log.warning("part_cancelled", part=task.get_name())
        task.cancel()
    await asyncio.wait(tasks, timeout=3)
    runtime.uses.tell()  # of requests that were answered meanwhile
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            if runtime.backlog is not None:
                await runtime.backlog.close()
            await runtime.database.close()
