"""`regulars backup` and `regulars restore`, of the local stack or of servers that the environment names."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
from cyclopts import Parameter, validators

from common.bus.broker import BrokerUnavailable, secure
from common.bus.broker.security import from_environment
from regulars.backups.agreeing import check_copies
from regulars.backups.archive import ABOUT, Archive
from regulars.backups.archiving import Archiving
from regulars.backups.data_folder import lay_out, log_beside
from regulars.backups.local import empty_stack
from regulars.backups.photos import PHOTOS
from regulars.backups.restoring import check_key, manifest_of, restore_all
from regulars.backups.servers import Servers, setting
from regulars.backups.taking import back_up
from regulars.backups.to_an_instant import NOTED, instant, restore_folder, run_fill
from regulars.stack.databases import ensure_database, role_of
from regulars.stack.errors import FolderHeld, StackError
from regulars.stack.folder import lock, share
from regulars.stack.kafka import KafkaCluster
from regulars.stack.postgres import PostgresServer
from regulars.stack.services import CONSOLE, SERVICES
from regulars.stack.state import Secrets, running

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
Say = Callable[[str], None]
_RUN = Path(".run")
_NAMED = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MASTER_KEY")


def backup(
    target: Path,
    /,
    *,
    folder: Folder = _RUN,
    continuous: bool = False,
    every_h: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=24))] = 24,
    keep_days: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=35))] = 7,
) -> None:
    """Write every database, topic and photo, as of one instant, into a new folder; all services go on meanwhile.

    Of the running stack; or, where DATABASE_URL (a superuser's), KAFKA_BOOTSTRAP_SERVERS and MASTER_KEY are all set, or
    stand in SECRETS_DIR, of those servers, and photos of PHOTO_DIR. The master key is not part of it: keep it apart.

    Parameters
    ----------
    continuous
        Go on until Ctrl-C or SIGTERM, and write all that happens, so that any instant can be restored. Started again,
        it goes on in the same folder.
    every_h
        With --continuous: hours from one base backup to the next.
    keep_days
        With --continuous: how many days back can be restored; older base backups go.
    """
    try:
        if continuous:
            _archive(target.resolve(), folder.resolve(), timedelta(hours=every_h), timedelta(days=keep_days))
        else:
            servers, master_key = _installation(folder.resolve())
            photos = servers.photos
            take = back_up(
                target.resolve(), servers.postgres, servers.kafka, servers.databases, master_key, _say, photos=photos
            )
            asyncio.run(take)
    except BrokerUnavailable as error:
        raise StackError(f"no backup was written: {error}") from error


def _archive(target: Path, folder: Path, every: timedelta, keep: timedelta) -> None:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _written(target):
        _, master_key = _installation(folder)
        archiving = Archiving(Archive(target), lambda: _installation(folder)[0], every=every, keep=keep, say=_say)

        async def run() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await archiving.run(master_key, stop)

        try:
            asyncio.run(run())
        except (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise StackError(f"PostgreSQL does not let us in ({error}); check DATABASE_URL, or the stack") from error
        except BaseExceptionGroup as group:
            first = group.exceptions[0]
            if isinstance(first, StackError):
                raise first from None
            raise StackError(f"the backup does not go on: {first!r}; mend that, and start it again") from group
        _say(f"{target} is complete up to {archiving.until}")


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        held = lock(target, hint="name another one to back up into")
    except FolderHeld:
        raise StackError(f"another command writes {target}, or restores it: end that first") from None
    with held:
        yield


@contextmanager
def _read(target: Path) -> Iterator[None]:
    try:
        held = share(target)
    except FolderHeld:
        raise StackError(f"`regulars backup --continuous` writes {target}: end it first") from None
    with held:
        yield


def _installation(folder: Path) -> tuple[Servers, str]:
    """The servers that the environment names, else those of the folder's running stack; and the master key."""
    if named := _named():
        secure(from_environment())
        return Servers(named[0], named[1], _photos(), _databases()), named[2]
    state = running(folder)
    databases = [each.database for each in (*SERVICES, CONSOLE) if each.name in state.services]
    databases += [CONSOLE.database] if state.console else []
    secrets = Secrets.load_or_draw(folder / "secrets.json", databases)
    return Servers(state.postgres, state.kafka, folder / PHOTOS, databases), secrets.master_key


def restore(source: Path, /, *, folder: Folder = _RUN, at: str | None = None, data: Path | None = None) -> None:
    """Fill a stack that holds no data from a backup, and leave it stopped: start it with `regulars up`.

    The folder must hold the secrets.json of the stack that was backed up. Where DATABASE_URL (a superuser's),
    KAFKA_BOOTSTRAP_SERVERS and MASTER_KEY are all set, those servers are filled: empty databases, no process of ours.
    Of a continuous backup PostgreSQL is one that was started on a data folder laid out with --data.

    Parameters
    ----------
    at
        Of a continuous backup: the instant, as 2026-11-30T14:00:00+08:00; without it, its end.
    data
        Of a continuous backup: only lay out this data folder for a PostgreSQL of the same version, and say what to do.
    """
    try:
        if (source / ABOUT).exists():
            _restore_to(Archive(source.resolve()), instant(at), folder.resolve(), data)
        elif at is not None or data is not None:
            raise StackError(f"{source} is no continuous backup: --at and --data are for one of those")
        elif named := _named():
            secure(from_environment())
            check_key(manifest_of(source), named[2])
            asyncio.run(restore_all(source, named[0], named[1], _say, photos=_photos()))
        else:
            restore_here(source, folder.resolve(), _say)
    except BrokerUnavailable as error:
        raise StackError(f"the restore was broken off: {error}; empty the servers and restore again") from error


def _restore_to(archive: Archive, at: datetime | None, folder: Path, data: Path | None) -> None:
    about = archive.about()
    with _read(archive.folder):
        if data is not None:
            base = archive.base_for(at)
            check_copies(archive, base, {})
            lay_out(archive, base, at, data.resolve(), None)
            _say(f"give {data} and {log_beside(data)} to the account of your server and start it on {data};")
            _say("then set DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS and MASTER_KEY, and call this again without --data")
        elif named := _named():
            secure(from_environment())
            check_key(about, named[2])
            run_fill(archive, at, named[0], named[1], _photos(), Path.cwd() / NOTED, _say)
        else:
            with lock(folder):
                secrets = _secrets_of(about, folder)
                restore_folder(archive, at, folder, secrets, _say)
            _say("restored; start it with: regulars up")


def _secrets_of(manifest: Mapping[str, Any], folder: Path) -> Secrets:
    """Of the stack that was backed up. Raises StackError where they are not in the folder."""
    if not (folder / "secrets.json").exists():
        raise StackError(f"put the secrets.json of the stack that was backed up into {folder} first: it has the keys")
    names = [role for name in manifest["databases"] for role in (name, role_of(name))]
    secrets = Secrets.load_or_draw(folder / "secrets.json", names)
    check_key(manifest, secrets.master_key)
    return secrets


def restore_here(source: Path, folder: Path, say: Say) -> None:
    """Start the stack's PostgreSQL and Kafka alone, fill them, and stop them. Whatever fails, no half data is left."""
    manifest = manifest_of(source)
    with lock(folder):
        secrets = _secrets_of(manifest, folder)
        postgres, kafka = PostgresServer(folder / "postgres", password=secrets.postgres), KafkaCluster(folder / "kafka")
        with empty_stack(folder, postgres, kafka):
            say("starting PostgreSQL and Kafka")
            postgres.start()
            kafka.start()
            asyncio.run(_fill(source, postgres, kafka, secrets, manifest["databases"], say, folder / PHOTOS))
    say("restored; start it with: regulars up")


async def _fill(
    source: Path,
    postgres: PostgresServer,
    kafka: KafkaCluster,
    secrets: Secrets,
    databases: list[str],
    say: Say,
    photos: Path,
) -> None:
    for name in databases:
        await ensure_database(postgres.url, name, secrets.databases[name], secrets.databases[role_of(name)])
    await restore_all(source, postgres.url, kafka.bootstrap_servers, say, photos=photos)


def _named() -> tuple[str, str, str] | None:
    """The servers and the master key of the environment. Raises StackError where some of them are set, not all."""
    values = [setting(name) for name in _NAMED]
    if not any(values):
        return None
    admin, servers, key = values
    if admin is None or servers is None or key is None:
        raise StackError(f"set all of {', '.join(_NAMED)}, or none of them for the stack of a folder")
    return admin, servers, key


def _photos() -> Path | None:
    """feedback's folder of photos, which its settings name; None: they lie in a bucket, or there are none."""
    named = os.environ.get("PHOTO_DIR")
    return Path(named) if named else None


def _databases() -> list[str]:
    return [each.database for each in (*SERVICES, CONSOLE)]


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)
