"""What would five main.py repeat? Commands, parts started and stopped together, health, operation."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
import uvicorn
from fastapi import Depends, FastAPI

from common.bus.broker import Reader
from common.http import health, limits, openapi, ops, problems
from common.http.api import assert_scoped, check_media_type
from common.process import logs, metrics
from common.process.runtime import Runtime, Service, build_runtime, make_runtime
from common.process.settings import Settings, load_settings
from common.service.starting import CannotStart, await_database
from common.storage.database import Database
from common.storage.migrate import MigrationChanged, migrate
from common.verification import Verification, compare_claims

log = structlog.get_logger()
STOP_WITHIN_S = 20
KEEP_ALIVE_S = 75
"""Longer than clients and proxies keep an idle connection, so that none sends a request into one that is closing."""


def build_app(runtime: Runtime, readiness: health.Readiness) -> FastAPI:
    """The service's HTTP side: its own routes and those that every service has."""
    app = FastAPI(
        title=f"Regulars {runtime.name}", version="1", docs_url=None, redoc_url=None,
        generate_unique_id_function=lambda route: route.name, dependencies=[Depends(check_media_type)],
    )  # fmt: skip
    app.state.runtime = runtime
    problems.install(app)
    limits.install(app)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]  # as FastAPI's documentation does
    app.include_router(openapi.router(app))
    app.include_router(health.router(readiness))
    app.include_router(metrics.router())
    app.include_router(ops.router)
    for router in runtime.service.routers:
        app.include_router(router)
    assert_scoped(app)
    return app


async def serve(service: Service, settings: Settings, *, migrating: bool = False) -> int:
    """Run all parts on one event loop until SIGTERM; returns the exit code.

    HTTP comes first, so that probes are answered while the database is waited for; then all else.
    """
    runtime = build_runtime(service, settings)
    readiness = health.Readiness()
    readiness.add("database", lambda: health.check_database(runtime.database))
    if runtime.consumer is not None or service.raw is not None:
        readiness.add("consumer", lambda: health.check_consumer(runtime.consumer))
    for name, ask in service.notes.items():
        readiness.add(name, partial(health.note, runtime.database, ask))
    readiness.add("shops", lambda: health.check_follower(runtime.follower))
    app = build_app(runtime, readiness)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=settings.http_host, port=settings.http_port, log_config=None, access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=8, limit_concurrency=2000,
            proxy_headers=True, forwarded_allow_ips=settings.trusted_proxies,
            http="httptools", loop="uvloop", lifespan="off",
        )
    )  # fmt: skip
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.stopping.set)
    tasks = {asyncio.create_task(server._serve(), name="http")}
    stop = asyncio.create_task(runtime.stopping.wait())
    begin = asyncio.create_task(await_database(runtime, migrating=migrating), name="start")
    done, _ = await asyncio.wait({*tasks, stop, begin}, return_when=asyncio.FIRST_COMPLETED)
    if done == {begin} and begin.exception() is None:
        tasks |= {asyncio.create_task(part, name=name) for name, part in _parts(runtime).items()}
        done, _ = await asyncio.wait({*tasks, stop}, return_when=asyncio.FIRST_COMPLETED)
    # A part that ends without an error when it is time to stop has done what it should.
    failed = [
        t for t in done if t.exception() is not None or (t not in (stop, begin) and not runtime.stopping.is_set())
    ]
    for task in failed:
        error = task.exception()
        if isinstance(error, CannotStart):
            log.error("cannot_start", detail=str(error))
        else:
            log.error("part_ended", part=task.get_name(), detail=repr(error), exc_info=error)
    runtime.stopping.set()
    runtime.stirred.set()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await _stop(runtime, server, tasks | {begin})
    except TimeoutError:
        log.error("stop_deadline", within_s=STOP_WITHIN_S)
        sys.stderr.flush()
        os._exit(0 if not failed else 1)
    return 1 if failed else 0


def _parts(runtime: Runtime) -> dict[str, Coroutine[Any, Any, None]]:
    """All parts but HTTP, not begun."""
    parts: dict[str, Coroutine[Any, Any, None]] = {"sweeps": runtime.sweeper.run()}
    if runtime.follower is not None:
        parts["shops"] = runtime.follower.run()
    if runtime.consumer is not None:
        parts["consumer"] = runtime.consumer.run()
    if runtime.relay is not None:
        parts["relay"] = runtime.relay.run()
    for work in runtime.service.background:
        parts[work.__name__] = work(runtime)
    parts["metrics"] = metrics.observe(runtime, runtime.stopping)
    return parts


async def _stop(runtime: Runtime, server: uvicorn.Server, tasks: set[asyncio.Task[None]]) -> None:
    server.should_exit = True
    await runtime.sweeper.stop()
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
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            await runtime.database.close()


async def verify(service: Service, settings: Settings) -> int:
    """Compare what is kept with its inputs and with the log; prints differences and progress, returns 1 at any."""
    # Each reader that is closed in the middle of a fetch is an error to aiokafka; what matters is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    runtime = await make_runtime(service, settings)
    reader = partial(Reader, settings.kafka_bootstrap_servers, client=f"{service.name}-verify")
    run = Verification(service.name, runtime.database, reader, runtime.master, partial(print, flush=True))
    if service.subscriptions:
        await compare_claims(run, service.subscribed(runtime.keys))
    if service.verify is not None:
        await service.verify(run)
    await runtime.database.close()
    print(run.summary())
    return 1 if run.differences else 0


async def republish(service: Service, settings: Settings) -> int:
    """Send every fact of the outbox again; consumers' inboxes make it harmless."""
    database = Database(settings.database_url, service=service.name)
    async with database.transaction() as tx:
        count = await tx.execute("update outbox set published_at = null, refused = null")
    await database.close()
    print(f"{service.name}: {count} facts will be sent again")
    return 0


def main(service: Service) -> None:
    """The commands of a service: serve, migrate, verify, republish. `serve --migrate` migrates first."""
    command, flags = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    commands: dict[str, Callable[[Service, Settings], Coroutine[Any, Any, int]]]
    commands = {"serve": partial(serve, migrating=bool(flags)), "verify": verify, "republish": republish}
    if command not in {*commands, "migrate"} or (flags and (command, flags) != ("serve", ["--migrate"])):
        package = service.name.replace("-", "_")
        sys.exit(f"usage: python -m {package}.main serve [--migrate] | migrate | verify | republish")
    settings = load_settings()
    logs.configure(service.name, settings.log_level)
    if command == "migrate":
        try:
            asyncio.run(migrate(settings.database_url, service.migrations))
        except MigrationChanged as changed:
            sys.exit(f"{service.name}: {changed}")
        sys.exit(0)
    import uvloop

    code = uvloop.run(commands[command](service, settings))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed; to take the interpreter apart would cost another second of every stop.
    os._exit(code)
