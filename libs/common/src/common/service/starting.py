"""The start of a service: its database is waited for; what no waiting mends ends the process with a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import asyncpg
import structlog

from common import metrics
from common.bus.broker import what_is_wrong
from common.bus.rebuilding import is_rebuilding
from common.crypto.sealing import derived_key
from common.process.runtime import Runtime
from common.refusals import NotNow
from common.storage import migrate
from common.storage.database import Transaction
from common.storage.failures import passes

log = structlog.get_logger()
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
STARTING = NotNow("starting", "The service looks at its database; try again in a second.")
REBUILDING = NotNow(
    "rebuilding",
    "The service's database is being rebuilt from the topics: it is served when `rebuild --finish` has ended.",
)
_SENTENCES = {
    "28": "PostgreSQL does not let the user of DATABASE_URL in: mend its name or password, or make the role",
    "3D": "PostgreSQL has no database of the name in DATABASE_URL: mend the name, or make the database",
    "42501": "the user of DATABASE_URL may not do what is needed in the database: grant it, or migrate as its owner",
}


class _BeingRebuilt(Exception):
    """The database is filled from the topics; it is served when that has ended."""


class CannotStart(Exception):
    """The configuration is wrong, which waiting does not mend; the message says what to do."""


async def await_servers(runtime: Runtime, *, migrating: bool) -> None:
    """As `await_database`. Raises CannotStart also where Kafka answers and its settings do not fit it."""
    if wrong := await what_is_wrong(runtime.settings.kafka_bootstrap_servers):
        raise CannotStart(f"{runtime.name} cannot start: {wrong}.")
    await await_database(runtime, migrating=migrating)


async def await_database(runtime: Runtime, *, migrating: bool) -> None:
    """Return when the database is there with all its tables, made first where `migrating`, or on a stop.

    One that is being rebuilt is waited for until that has ended: nobody starts it live by mistake.

    Kafka is waited for by each part that needs it. Raises CannotStart.
    """
    wait = FIRST_WAIT_S
    while not runtime.stopping.is_set():
        try:
            await _look(runtime, migrating=migrating)
            runtime.refuses = None
            metrics.REBUILDING.set(0)
            return
        except _BeingRebuilt:
            if runtime.refuses is not REBUILDING:
                runtime.refuses = REBUILDING
                metrics.REBUILDING.set(1)
                log.warning("waiting_for_rebuild", detail=REBUILDING.detail)
            wait = FIRST_WAIT_S
        except Exception as error:
            wrong = _wrong(error)
            if wrong is not None:
                raise CannotStart(f"{runtime.name} cannot start: {wrong}.") from error
            if not passes(error):
                raise
            log.warning("waiting_for_database", reason=type(error).__name__, detail=str(error)[:300], again_in_s=wait)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runtime.stopping.wait(), wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


async def _look(runtime: Runtime, *, migrating: bool) -> None:
    url, folder = runtime.settings.database_url, runtime.service.migrations
    if migrating:
        owner, role = runtime.settings.owner()
        await migrate.migrate(owner, folder, role=role)
    missing = await migrate.missing(url, folder)
    if missing:
        command = f"python -m {runtime.name.replace('-', '_')}.main migrate"
        raise CannotStart(
            f"{runtime.name} cannot start: its database lacks {len(missing)} migrations, the first {missing[0]}: run "
            f"`{command}`, or start with `serve --migrate`."
        )
    async with runtime.database.transaction() as tx:
        if await is_rebuilding(tx):
            raise _BeingRebuilt
        await _check_master_key(tx, runtime)
        await runtime.refresh_clock(tx)


async def _check_master_key(tx: Transaction, runtime: Runtime) -> None:
    """The first start marks the database with its master key; a start with another one could open nothing in it."""
    mark = derived_key(runtime.master, "mark")
    await tx.execute("insert into master_key (mark) values (:mark) on conflict do nothing", mark=mark)
    known = await tx.fetch_one("select mark from master_key")
    if known is None or known.mark != mark:
        raise CannotStart(
            f"{runtime.name} cannot start: MASTER_KEY is not the key with which its database was filled: give every "
            f"service the key of the first start."
        )


def _wrong(error: Exception) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"PostgreSQL shows a certificate that is not trusted ({error.verify_message}): name the authority that "
            "signed it as sslrootcert in DATABASE_URL, or mend the host's name there"
        )
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return "PostgreSQL does not speak TLS: switch it on there (ssl = on), or mend sslmode in DATABASE_URL"
    if isinstance(error, migrate.MigrationChanged):
        return str(error)
    state = str(error.sqlstate or "") if isinstance(error, asyncpg.PostgresError) else ""
    return next((sentence for prefix, sentence in _SENTENCES.items() if state.startswith(prefix)), None)
