"""The commands of a service: serve, migrate, verify, republish."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from common.bus.broker import Reader
from common.process import logs
from common.process.runtime import Service, make_runtime
from common.process.settings import Settings, load_settings
from common.service.serving import serve
from common.storage.database import Database
from common.storage.migrate import MigrationChanged, migrate
from common.verification import Verification, compare_claims


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
    settings = load_settings(Settings)
    if command != "migrate":
        for kind in service.settings:
            load_settings(kind)
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
