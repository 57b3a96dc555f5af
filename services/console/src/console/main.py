"""The console's commands: serve, migrate, invite, recover, verify."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from common.crypto.sealing import derived_key, master_key_from
from common.events.fields import ShopName
from common.http.parsing import Protocol
from common.process import logs
from common.process.settings import load_settings
from common.storage.database import Database
from common.storage.failures import passes
from common.storage.migrate import MigrationChanged, migrate
from common.storage.roles import user_of
from console.access import audit, store, store_invitations
from console.access import store_recoveries as links
from console.access.chain import Broken, Link, link_of
from console.access.roles import ROLES
from console.access.store import Person
from console.app import build_app
from console.client import Services
from console.operations.vouching import warn_unless_believed
from console.reports.making import Reports
from console.settings import ConsoleSettings
from console.web.page import Console

log = structlog.get_logger()
MIGRATIONS = Path(__file__).parents[2] / "migrations"
INVITATION_HOURS = 48
KEEP_ALIVE_S = 75
LONGEST_WAIT_S = 15.0


def build_console(settings: ConsoleSettings) -> Console:
    """What the routes share; made on the event loop that uses it."""
    return Console(
        settings,
        Database(settings.database_url, service="console", pool_size=settings.pool_size),
        Services(
            settings.addresses(), settings.services_api_key.get_secret_value(), settings.within_s, settings.budget_s
        ),
        derived_key(master_key_from(settings.master_key.get_secret_value()), "console"),
        audit_key(settings),
    )


def audit_key(settings: ConsoleSettings) -> bytes:
    """Of the chain of audit entries."""
    return derived_key(master_key_from(settings.master_key.get_secret_value()), "console-audit")


async def serve(settings: ConsoleSettings, *, migrating: bool) -> int:
    """Answer until SIGTERM; returns the exit code."""
    import uvicorn

    if migrating:
        await _migrate_patiently(settings)
    console = build_console(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(console),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=8,
            limit_concurrency=500,
            proxy_headers=True,
            forwarded_allow_ips=settings.trusted_proxies,
            http=Protocol,
            loop="uvloop",
            lifespan="off",
            server_header=False,
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    besides = [
        asyncio.create_task(Reports(console).run()),
        asyncio.create_task(warn_unless_believed(console.services)),
    ]
    await server._serve()
    for each in besides:
        each.cancel()
    await asyncio.gather(*besides, return_exceptions=True)
    await console.freshness.close()
    await console.services.close()
    await console.database.engine.dispose()
    return 0 if server.should_exit else 1


async def _migrate(settings: ConsoleSettings) -> None:
    """Bring the store up to date, as its tables' owner."""
    owner, role = settings.owner_database_url or settings.database_url, user_of(settings.database_url)
    await migrate(owner, MIGRATIONS, common=False, role=role)


async def _migrate_patiently(settings: ConsoleSettings) -> None:
    """Likewise; a database that is away is waited for."""
    wait = 0.5
    while True:
        try:
            await _migrate(settings)
            return
        except Exception as error:
            if not passes(error):
                raise
            log.warning("waiting_for_database", reason=type(error).__name__, again_in_s=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


async def invite(settings: ConsoleSettings, role: str, shop: str | None, *, first: bool) -> int:
    """Print a one-time link; with `first` one of the first owner, and nothing once there are people."""
    database, token = Database(settings.database_url, service="console", pool_size=1), secrets.token_urlsafe(32)
    try:
        async with database.transaction() as tx:
            if first:
                if await store.count_people(tx):
                    return 0
                await store_invitations.drop_first_invitations(tx)
            chosen = next(each for each in ROLES if each == role)
            await store_invitations.insert_invitation(tx, token, chosen, shop, INVITATION_HOURS)
    finally:
        await database.close()
    print(f"{settings.public_url}/invitation/{token}")
    return 0


async def recover(settings: ConsoleSettings, name: str) -> int:
    """Print a one-time link for a new password of the person of that name; 1 and a sentence where there is none."""
    database, token = Database(settings.database_url, service="console", pool_size=1), secrets.token_urlsafe(32)
    by = Person(0, "console.main recover", False, {})
    try:
        async with database.transaction() as tx:
            found = await links.find_person(tx, name)
            if found is None or found.issuer:
                why = "signs in by an identity provider" if found is not None else "is not known"
                print(f"recover: {name} {why}: there is no password to be chosen anew", file=sys.stderr)
                return 1
            await links.save_link(tx, token, found.person_id, None)
            thing = f"people/{found.person_id}"
            for shop in await links.list_shops(tx, found.person_id):
                await audit.insert_entry(tx, audit_key(settings), by, shop, "make_recovery", thing, "done", None)
    finally:
        await database.close()
    print(f"{settings.public_url}/recovery/{token}")
    return 0


async def verify(settings: ConsoleSettings, known: Link | None) -> int:
    """Follow the chain of audit entries and print how far it goes; 1, and where it does not hold, a sentence each."""
    database = Database(settings.database_url, service="console", pool_size=1)
    try:
        async with database.transaction() as tx:
            link = await audit.verify(tx, audit_key(settings), known)
    except Broken as broken:
        for sentence in broken.said:
            print(f"audit: {sentence}", file=sys.stderr)
        if broken.more:
            print(f"audit: and in {broken.more:,} more places", file=sys.stderr)
        print(f"audit: it does not hold, and goes up to {broken.link}; write that down elsewhere", file=sys.stderr)
        return 1
    finally:
        await database.close()
    print(f"audit: {link.entry:,} entries, each as it was written; write this down elsewhere: {link}")
    return 0


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command. Exits with a sentence where it cannot be understood."""
    parser = argparse.ArgumentParser("python -m console.main", allow_abbrev=False)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="serve | migrate | invite | recover | verify"
    )
    serving = commands.add_parser("serve", help="answer until SIGTERM", allow_abbrev=False)
    serving.add_argument("--migrate", action="store_true", help="bring the database up to date first")
    commands.add_parser("migrate", help="bring the database up to date")
    inviting = commands.add_parser("invite", help="print a one-time link for a new person", allow_abbrev=False)
    whom = inviting.add_mutually_exclusive_group(required=True)
    whom.add_argument("--first-owner", action="store_true", help="who names the shop; none once there are people")
    whom.add_argument("--shop", type=_shop, help="the shop that the person is to see")
    inviting.add_argument("--role", choices=ROLES, default="owner", help="what the person may do there")
    recovering = commands.add_parser("recover", help="print a one-time link for a new password", allow_abbrev=False)
    recovering.add_argument("--name", required=True, help="by which the person signs in")
    verifying = commands.add_parser("verify", help="follow the chain of audit entries", allow_abbrev=False)
    verifying.add_argument(
        "--known", type=link_of, help="what an earlier one printed: entries up to it are still there"
    )
    return parser.parse_args(given)


def _shop(name: str) -> str:
    try:
        return TypeAdapter[str](ShopName).validate_python(name)
    except ValidationError:
        raise argparse.ArgumentTypeError(f"{name!r} is no shop's id") from None


def main() -> None:
    given = arguments(sys.argv[1:])
    settings = load_settings(ConsoleSettings)
    logs.configure("console", settings.log_level)
    import uvloop

    try:
        if given.command == "serve":
            code = uvloop.run(serve(settings, migrating=given.migrate))
        elif given.command == "migrate":
            code = uvloop.run(_migrate(settings)) or 0
        elif given.command == "recover":
            code = uvloop.run(recover(settings, given.name))
        elif given.command == "verify":
            code = uvloop.run(verify(settings, given.known))
        else:
            code = uvloop.run(invite(settings, given.role, given.shop, first=given.first_owner))
    except MigrationChanged as changed:
        sys.exit(f"console: {changed}")
    logging.shutdown()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    # Everything is closed; to take the interpreter apart would cost another second of every stop.
    os._exit(code)


if __name__ == "__main__":
    main()
