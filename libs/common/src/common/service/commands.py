"""The commands of a service: serve, migrate, verify, republish, rebuild."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import asyncpg

from common.bus import republishing
from common.bus.broker import KafkaSecurity, Reader, secure
from common.process import logs, tracing
from common.process.collector import settle_collector
from common.process.runtime import PARTS, Part, Service, make_runtime
from common.process.settings import Settings, load_settings
from common.service.rebuilding import rebuild
from common.service.serving import serve
from common.storage.database import Database
from common.storage.migrate import MigrationChanged, migrate
from common.verification import Verification, compare_claims

LOOK_EVERY_S, REPORT_EVERY_S, STANDS_S = 0.5, 5.0, 10.0


async def verify(service: Service, settings: Settings) -> int:
    """Compare what is kept with its inputs and with the log; prints differences and progress, returns 1 at any."""
    # Each reader that is closed in the middle of a fetch is an error to aiokafka; what matters is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    runtime = await make_runtime(service, settings)
    reader = partial(Reader, settings.kafka_bootstrap_servers, client=f"{service.name}-verify")
    run = Verification(service.name, runtime.database, reader, runtime.keys.master, partial(print, flush=True))
    checks = [service.verify(run)] if service.verify is not None else []
    if service.subscriptions:
        checks.append(compare_claims(run, service.subscribed(runtime.keys)))
    await asyncio.gather(*checks)  # the log is read while other processes fold
    await runtime.database.close()
    print(run.summary())
    return 1 if run.differences else 0


async def republish(service: Service, settings: Settings) -> int:
    """Have the running service send every fact again that its outbox still holds (OUTBOX_DAYS), oldest first; 0.

    Consumers' claims make the repeats harmless. Says how far it is until all are sent, or until nothing moves, as
    where the service does not run: what is left is sent when it does. Run again, it goes on where it stands.
    """
    database = Database(settings.database_url, service=service.name)
    say = partial(print, flush=True)
    async with database.transaction() as tx:
        found = await republishing.begin(tx)
    if found is None:
        say(f"{service.name}: the outbox holds no fact; what is older than OUTBOX_DAYS stands in Kafka's log alone")
    moved = reported = time.monotonic()
    while found is not None:
        await asyncio.sleep(LOOK_EVERY_S)
        async with database.transaction() as tx:
            now = await republishing.progress(tx)
        if now != found:
            moved = time.monotonic()
        if now is None:
            say(f"{service.name}: all {found.all:,} facts are sent again")
        elif time.monotonic() - moved > STANDS_S:
            say(f"{service.name}: {now.sent:,} of {now.all:,} facts are sent again; the rest is when the service runs")
            break
        elif time.monotonic() - reported > REPORT_EVERY_S:
            say(f"{service.name}: {now.sent:,} of {now.all:,} facts are sent again so far")
            reported = time.monotonic()
        found = now
    await database.close()
    return 0


def arguments(service: Service, given: Sequence[str]) -> argparse.Namespace:
    """The command, and what `serve` is to do. Exits with a sentence where they cannot be understood."""
    parser = argparse.ArgumentParser(f"python -m {service.name.replace('-', '_')}.main", allow_abbrev=False)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="serve | migrate | verify | republish | rebuild"
    )
    serving = commands.add_parser("serve", help="run the service until SIGTERM", allow_abbrev=False)
    serving.add_argument("--migrate", action="store_true", help="bring the database up to date first")
    serving.add_argument(
        "--only",
        action="extend",
        type=partial(_parts_of, service),
        metavar="PART",
        default=[],
        help=f"run this part alone, of {', '.join(service.parts)}; several by commas, or repeated",
    )
    commands.add_parser("migrate", help="bring the database up to date")
    commands.add_parser("verify", help="compare what is kept with its inputs and with the log")
    commands.add_parser("republish", help="send every fact of the outbox again")
    anew = commands.add_parser("rebuild", help="fill an empty database from the topics", allow_abbrev=False)
    anew.add_argument("--finish", action="store_true", help="read the rest and make it the live database")
    anew.add_argument("--json", action="store_true", help="progress as lines of JSON")
    return parser.parse_args(given)


def _parts_of(service: Service, named: str) -> list[Part]:
    names = [name.strip() for name in named.split(",")]
    for name in names:
        if name not in service.parts:
            raise argparse.ArgumentTypeError(f"{service.name} has no part {name!r}; it has {', '.join(service.parts)}")
    return [part for part in service.parts if part in names]


def main(service: Service) -> None:
    """The commands of a service: serve, migrate, verify, republish, rebuild. `serve --migrate` migrates first."""
    given = arguments(service, sys.argv[1:])
    command = given.command
    commands: dict[str, Callable[[Service, Settings], Coroutine[Any, Any, int]]]
    commands = {"verify": verify, "republish": republish}
    if command == "serve":
        commands["serve"] = partial(serve, migrating=given.migrate, only=given.only or PARTS)
    settings = load_settings(Settings)
    secure(load_settings(KafkaSecurity))
    if command == "rebuild":
        commands["rebuild"] = partial(rebuild, finish=given.finish, live=settings.live_database_url, as_json=given.json)
    if command != "migrate":
        for kind in service.settings:
            load_settings(kind)
    logs.configure(service.name, settings.log_level)
    if command == "migrate":
        try:
            owner, role = settings.owner()
            asyncio.run(migrate(owner, service.migrations, role=role))
        except MigrationChanged as changed:
            sys.exit(f"{service.name}: {changed}")
        except asyncpg.UndefinedObjectError:
            sys.exit(f"{service.name}: PostgreSQL has no role {role}, which DATABASE_URL names: make it")
        sys.exit(0)
    if command == "serve":
        tracing.configure(service.name, settings.trace_endpoint, settings.trace_ratio)
    else:
        settle_collector()  # a service that serves does so when it is ready
    import uvloop

    code = uvloop.run(commands[command](service, settings))
    tracing.flush()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed; to take the interpreter apart would cost another second of every stop.
    os._exit(code)
